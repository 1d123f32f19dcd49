import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LoginTokens } from '../../src/core/accounts/login-tokens.js';
import { User } from '../../src/core/accounts/user.entity.js';
import { JsonLogger } from '../../src/platform/logging/logger.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import type { TrinityClient } from '../support/trinity-client.js';
import { until } from '../support/until.js';
import { encode } from './support/calls.js';
import { Wire } from './support/wire.js';

/** Whatever is run where nothing should be leaves a file here: any user may. A short path, as spells must fit into names. */
const traps = mkdtempSync('/tmp/ft-');
chmodSync(traps, 0o1777);
const trap = (name: string): string => join(traps, name);
const spells = [
  `$(touch ${trap('dollar')})`,
  '`touch ' + trap('backtick') + '`',
  `'; touch ${trap('single')}; '`,
  `"; touch ${trap('double')}; "`,
  `\n touch ${trap('line')}\n`,
  `| touch ${trap('pipe')} |`,
  `&& touch ${trap('and')} &&`,
  `--eval=$(touch ${trap('option')})`,
  `\${IFS}touch\${IFS}${trap('ifs')}`,
  `a[$(touch ${trap('index')})]`,
  `$'\\n'touch ${trap('ansi')}`,
];
const escapes = '\u001b[31mred\u001b]0;title\u0007\u009b2J\r\n{"level":"info","msg":"forged"}\n';

describe('S27: commands, logs and headers', () => {
  let fleet: Fleet;
  let wire: Wire;
  let admin: User;
  let hosted: TrinityClient;
  const lines: string[] = [];
  beforeAll(async () => {
    fleet = await bootFleet({ logger: new JsonLogger('debug', { write: (line) => void lines.push(line) }) });
    wire = new Wire(fleet.url);
    admin = await fleet.db.of(User).findOneByOrFail({ username: 'admin' });
    hosted = await fleet.hosted();
  }, 180_000);
  afterAll(async () => {
    wire.close();
    await fleet.close();
    rmSync(traps, { recursive: true, force: true });
  });
  const token = (): string => fleet.app.get(LoginTokens).issue(admin).accessToken.reveal();

  describe('runs nothing that stands', () => {
    /** Every agent has a spell in each of its fields, and all of them in its environment. */
    const agents: string[] = [];
    const secretsOf = Object.fromEntries(spells.map((spell, at) => [`SPELL_${at}`, spell]));
    beforeAll(async () => {
      const given = await hosted.put('/api/v1/secrets', { secrets: secretsOf });
      expect(given).toMatchObject({ status: 200 });
      for (const [at, spell] of spells.entries()) {
        const made = await fleet.givenAgent(`spelled-${at} ${spell}`, {
          type: spell.slice(0, 60),
          runtime_model: spell,
          custom_instructions: spell,
          tools: [spell],
          mcp_servers: [spell],
        });
        agents.push(String(made['name']));
      }
    }, 180_000);
    afterEach(() => {
      // The trap itself works: this one was sprung on purpose.
      expect(readdirSync(traps).filter((name) => name !== 'control')).toEqual([]);
    });

    it('in a name, a type, a model, instructions, tools; and a trap that is sprung would show', async () => {
      for (const agent of agents) expect(agent).toMatch(/^[a-z0-9][a-z0-9_.-]*$/);
      const [agent = ''] = agents;
      expect((await fleet.chat(agent, `<<bash touch ${trap('control')}>>`)).status).toBe(200);
      expect(readdirSync(traps)).toContain('control');
    });

    it('in a secret or its name: each arrives in the environment as it was written', async () => {
      const [agent = ''] = agents;
      const print = spells.map((_, at) => `printenv SPELL_${at} \\> got-${at}`).join('; ');
      expect((await fleet.chat(agent, `<<bash ${print}>>`)).status).toBe(200);
      for (const [at, spell] of spells.entries()) {
        const got = await fleet.admin.get<unknown>(`/api/agents/${agent}/files/download?path=got-${at}`);
        expect([at, got.body]).toEqual([at, `${spell}\n`]);
        expect((await hosted.put('/api/v1/secrets', { key: spell, value: 'x' })).status).toBe(400);
      }
    });

    it('in credentials: names and values of .env, and names of files', async () => {
      const [, agent = ''] = agents;
      const at = `/api/agents/${agent}`;
      const quoted = spells.map((spell, n) => `VALUE_${n}=${spell.replaceAll('\n', ' ')}`).join('\n');
      expect((await fleet.admin.post(`${at}/credentials/inject`, { files: { '.env': quoted } })).status).toBe(200);
      const stored = await fleet.admin.get<unknown>(`${at}/files/download?path=.env`);
      for (const line of quoted.split('\n')) expect(stored.body).toContain(line);
      for (const spell of spells) {
        const named = await fleet.admin.post(`${at}/credentials/inject`, { files: { [spell]: 'x' } });
        expect([400, 403, 422]).toContain(named.status);
        await fleet.admin.post(`${at}/credentials/inject`, { files: { '.env': `${spell}=x\n` } });
      }
      await fleet.admin.post(`${at}/credentials/inject`, { files: { '.env': quoted } });
      // What is there is read again by whatever starts the runtime.
      expect((await fleet.admin.post(`${at}/stop`)).status).toBe(200);
      expect((await fleet.admin.post(`${at}/start`)).status).toBe(200);
      expect((await fleet.chat(agent, 'again <<bash env \\> after>>')).status).toBe(200);
    }, 60_000);

    it('in a message, in the path of a file, in a tag', async () => {
      await Promise.all(
        agents.slice(0, 4).map(async (agent, n) => {
          const at = `/api/agents/${agent}`;
          for (const [m, spell] of spells.entries()) {
            if (m % 4 !== n) continue;
            expect((await fleet.chat(agent, spell)).status).toBe(200);
            for (const query of [`path=${encode(spell)}`, `path=${encode(`made/${spell}`)}`]) {
              await fleet.admin.get(`${at}/files/download?${query}`);
              await fleet.admin.get(`${at}/files?${query}`);
              expect((await fleet.admin.put(`${at}/files?${query}`, { content: spell })).status).toBeLessThan(500);
              await fleet.admin.get(`${at}/files/preview?${query}`);
              await fleet.admin.delete(`${at}/files?${query}`);
            }
            expect((await fleet.admin.post(`${at}/files/mkdir`, { path: `made ${spell}` })).status).toBeLessThan(500);
            await fleet.admin.get(`${at}/logs?tail=${encode(spell)}`);
            await fleet.admin.put(`${at}/tags`, { tags: [spell] });
            await fleet.admin.put(`${at}/model`, { model: spell });
          }
        }),
      );
    }, 120_000);

    it('in what a schedule says', async () => {
      const [, , agent = ''] = agents;
      const at = `/api/agents/${agent}`;
      expect((await fleet.admin.put(`${at}/autonomy`, { enabled: true })).status).toBe(200);
      for (const spell of spells) {
        const body = { name: spell.trim(), cron_expression: '0 9 1 1 *', message: spell };
        const made = await fleet.admin.post(`${at}/schedules`, body);
        expect(made.status).toBe(201);
        expect((await fleet.admin.post(`${at}/schedules/${String(made.body['id'])}/trigger`)).status).toBeLessThan(300);
      }
      await until('all of them were said', async () => {
        const { body } = await fleet.admin.get<{ status: string }[]>(`${at}/executions?limit=100`);
        return body.length === spells.length && body.every(({ status }) => status === 'success');
      });
    }, 120_000);

    it('in the repository that an agent is made from', async () => {
      for (const spell of spells) {
        for (const wish of [
          { github_repo: spell },
          { github_repo: `acme/${spell}` },
          { github_repo: 'acme/app', source_branch: spell },
        ]) {
          const { status } = await fleet.admin.post('/api/agents', { name: 'from-repository', ...wish });
          expect([400, 422]).toContain(status);
        }
      }
    });
  });

  it('keeps log lines whole, whatever is sent', async () => {
    const before = lines.length;
    for (const path of [`/api/agents/${encode(escapes)}`, `/api/x?${encode(escapes)}`, '/%1b%5d0;x%07']) {
      const headers = { authorization: `Bearer ${token()}`, 'user-agent': '\u009b2J', 'x-request-id': 'a b\u009b' };
      const { headers: sent, text } = await wire.send({ method: 'GET', path, headers });
      expect(sent['x-request-id']).toMatch(/^[\w.:+/=-]+$/);
      expect(controlsIn(text)).toEqual([]);
    }
    await fleet.request('POST', '/token', { form: { username: escapes, password: escapes } });
    await fleet.admin.post('/api/mcp/keys', { name: escapes.slice(0, 60) });
    for (const line of lines.slice(before)) {
      expect(controlsIn(line.trimEnd())).toEqual([]);
      expect(JSON.parse(line)).not.toMatchObject({ msg: 'forged' });
    }
  });

  it('what an agent prints and calls its files stays text', async () => {
    const [agent] = (await fleet.admin.get<{ name: string; status: string }[]>('/api/agents')).body.filter(
      (one) => one.status === 'running',
    );
    const below = `/api/agents/${agent?.name ?? ''}`;
    const file = 'bad\nname"; x=.txt\u001b[2J';
    const command = `printf hi \\> "$(printf 'bad\\nname"; x=.txt\\033[2J')"`;
    expect((await fleet.chat(agent?.name ?? '', `<<bash ${command}>>`)).status).toBe(200);
    const headers = { authorization: `Bearer ${token()}` };
    const listed = await wire.send({ method: 'GET', path: `${below}/files`, headers });
    expect((JSON.parse(listed.text) as { tree: { name: string }[] }).tree.map((one) => one.name)).toContain(file);
    expect(controlsIn(listed.text)).toEqual([]);
    const path = `${below}/files/download?path=${encode(file)}`;
    const { status, headers: sent, text } = await wire.send({ method: 'GET', path, headers });
    expect({ status, text }).toEqual({ status: 200, text: 'hi' });
    expect(sent['content-disposition']).toMatch(/^attachment; filename="[\w.-]+"; filename\*=UTF-8''[\w.%!~*'()-]+$/);
    expect(sent['x-content-type-options']).toBe('nosniff');
    expect(sent['content-type']).toBe('text/plain; charset=utf-8');
  });
});

/** Characters that a terminal obeys; an answer or a log line may end with a line feed, and holds none inside. */
const controlsIn = (text: string): string[] =>
  [...text.trimEnd()].filter((one) => one < ' ' || (one >= '\u007f' && one < '\u00a0'));
