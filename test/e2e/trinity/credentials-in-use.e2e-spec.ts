import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AgentRuntime } from '../../../src/core/runtimes/runtime.port.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { scriptedPrograms, scriptedRuntime } from '../../support/scripted-adapter.js';
import { LocalEngine } from '../../../src/adapters/local/local.engine.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

/** As the scripted runtime, but it is given its provider's key as real ones are. */
const keyed: AgentRuntime = {
  ...scriptedRuntime,
  name: 'keyed',
  launch(context) {
    const launch = scriptedRuntime.launch(context);
    const { provider, apiKey, baseUrl } = context.endpoint;
    return { ...launch, env: { SEEN: `${provider}:${apiKey?.reveal() ?? 'none'}:${baseUrl ?? 'vendor'}` } };
  },
};

describe('credentials in use', () => {
  let fleet: Fleet;
  let admin: TrinityClient;

  beforeAll(async () => {
    fleet = await bootFleet({
      runtimes: [keyed],
      engine: (config, installId) =>
        new LocalEngine({
          config,
          installId,
          extraRuntimes: { ...scriptedPrograms, keyed: scriptedPrograms['scripted'] ?? { bin: '' } },
        }),
    });
    admin = fleet.admin;
    await fleet.givenAgent('user');
  });
  afterAll(() => fleet.close());

  const homeOf = async (name: string): Promise<string> =>
    fleet.engine.pathOf((await fleet.instanceOf(name)).ref ?? '', 'home');

  /** What a shell of the runtime prints. */
  async function shell(name: string, command: string): Promise<string> {
    const { status, body } = await fleet.chat(name, `<<bash (${command}) \\> shell.out 2\\>&1>> <<say done>>`);
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
    return readFileSync(path.join(await homeOf(name), 'shell.out'), 'utf8').trim();
  }

  async function restart(name: string): Promise<void> {
    await admin.post(`/api/agents/${name}/stop`);
    expect((await admin.post(`/api/agents/${name}/start`)).status).toBe(200);
  }

  it('reach the runtime and its shells when its process starts next', async () => {
    const files = { '.env': `OWN_TOKEN="it's $HOME"\nHOME=/evil\nLD_PRELOAD=evil.so\n` };
    await admin.post('/api/agents/user/credentials/inject', { files });
    expect(await shell('user', 'echo "$OWN_TOKEN|$HOME|${LD_PRELOAD-unset}"')).toBe(
      `it's $HOME|${await homeOf('user')}|unset`,
    );
    await admin.post('/api/agents/user/credentials/inject', { files: { '.env': 'OWN_TOKEN=second\n' } });
    expect(await shell('user', 'echo "$OWN_TOKEN"')).toBe("it's $HOME");
    await restart('user');
    expect(await shell('user', 'echo "$OWN_TOKEN"')).toBe('second');
  });

  it('tell the runtime of tool servers, with their secrets, which are stored nowhere', async () => {
    const servers = {
      files: { command: 'mcp-files', args: ['--token', '${OWN_TOKEN}'], env: { ME: '${TRINITY_MCP_API_KEY}' } },
      remote: { type: 'http', url: 'https://example.com' },
    };
    const files = { '.env': 'OWN_TOKEN=mcp-secret-7391\n', '.mcp.json': JSON.stringify({ mcpServers: servers }) };
    await admin.post('/api/agents/user/credentials/inject', { files });
    await restart('user');
    const told = JSON.parse(await shell('user', 'echo "$SCRIPTED_MCP"')) as unknown;
    const key = await shell('user', 'echo "$TRINITY_MCP_API_KEY"');
    // The scripted runtime says nothing of HTTP servers, so it is not told of them.
    expect(told).toEqual([
      { name: 'files', command: 'mcp-files', args: ['--token', 'mcp-secret-7391'], env: [{ name: 'ME', value: key }] },
    ]);
    for (const { name } of await fleet.db.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    )) {
      const rows = JSON.stringify(await fleet.db.query(`select * from "${name}"`));
      expect({ name, found: rows.includes('mcp-secret-7391') || rows.includes(key) }).toEqual({ name, found: false });
    }
  });

  it('are passed over when they make no sense, and the agent works', async () => {
    const home = await homeOf('user');
    writeFileSync(path.join(home, '.mcp.json'), '{ nonsense');
    writeFileSync(path.join(home, '.env'), 'nonsense\nUID=0\nGOOD=1\n');
    await restart('user');
    expect(await shell('user', 'echo "$SCRIPTED_MCP$GOOD"')).toBe('[]1');
  });

  describe('the key of an agent', () => {
    const keyIn = (name: string): Promise<string> => shell(name, 'echo "$TRINITY_MCP_API_KEY"');

    it('acts for that agent only, and is the same after a restart', async () => {
      await fleet.givenAgent('other');
      const key = await keyIn('user');
      expect(key).toMatch(/^trinity_mcp_[\w-]{43}$/);
      expect(await keyIn('other')).not.toBe(key);
      const agent = admin.as(key);
      const checked = await agent.post('/api/mcp/validate');
      expect(checked.body).toMatchObject({ valid: true, agent_name: 'user', scope: 'agent', user_id: 'admin' });
      expect((await agent.get('/api/agents/user')).status).toBe(200);
      for (const call of [
        agent.delete('/api/agents/user'),
        agent.post('/api/agents', { name: 'child' }),
        agent.post('/api/agents/user/credentials/export'),
        agent.put('/api/agents/user/api-key-setting', { use_platform_api_key: false }),
        agent.get('/api/users'),
        agent.get('/api/mcp/keys'),
      ]) {
        expect((await call).status).toBe(403);
      }
      await restart('user');
      expect(await keyIn('user')).toBe(key);
    });

    it('is followed by another when it was revoked, and ends with its agent', async () => {
      const key = await keyIn('other');
      const { body } =
        await admin.get<{ id: string; agent_name: string | null; is_active: boolean }[]>('/api/mcp/keys');
      const row = body.find((one) => one.agent_name === 'other');
      expect((await admin.post(`/api/mcp/keys/${row?.id ?? ''}/revoke`)).status).toBe(200);
      expect((await admin.as(key).get('/api/agents/other')).status).toBe(401);
      await restart('other');
      const next = await keyIn('other');
      expect(next).not.toBe(key);
      expect((await admin.as(next).get('/api/agents/other')).status).toBe(200);
      await admin.delete('/api/agents/other');
      expect((await admin.as(next).get('/api/agents')).status).toBe(401);
      const rows = await fleet.db.query(`select 1 from api_keys where label = 'Agent key' and revoked_at is null`);
      expect(rows).toHaveLength(1);
    });
  });

  describe('whose provider key is used', () => {
    const at = '/api/agents/payer/api-key-setting';
    const env = 'OPENAI_API_KEY=sk-own\nOPENAI_BASE_URL=http://own.example/v1/\nANTHROPIC_API_KEY=sk-other\n';

    it('is the platform until the owner says otherwise, and then the agent', async () => {
      await fleet.givenAgent('payer', { runtime: 'keyed' });
      await admin.post('/api/agents/payer/credentials/inject', { files: { '.env': env } });
      const seen = 'echo "$SEEN|${OPENAI_API_KEY-unset}|${ANTHROPIC_API_KEY-unset}"';
      expect(await shell('payer', seen)).toBe('openai:sk-never-called:vendor|unset|sk-other');
      const before = await admin.get(at);
      const shown = { agent_name: 'payer', use_platform_api_key: true, restart_required: false, status: 'running' };
      expect([before.status, before.body]).toEqual([200, shown]);

      const { status, body } = await admin.put(at, { use_platform_api_key: false });
      expect([status, body]).toEqual([
        200,
        {
          status: 'updated',
          agent_name: 'payer',
          use_platform_api_key: false,
          restart_required: true,
          message: expect.any(String),
        },
      ]);
      expect((await admin.get(at)).body).toEqual({ ...shown, use_platform_api_key: false, restart_required: true });
      await restart('payer');
      expect(await shell('payer', seen)).toBe('openai:sk-own:http://own.example/v1|sk-own|sk-other');
      expect((await admin.get(at)).body).toEqual({ ...shown, use_platform_api_key: false });

      // Without a restart the next message starts the runtime anew.
      await admin.put(at, { use_platform_api_key: true });
      expect(await shell('payer', seen)).toBe('openai:sk-never-called:vendor|unset|sk-other');
      await until('nothing is outdated', async () => !(await admin.get(at)).body['restart_required']);
    });
  });
});
