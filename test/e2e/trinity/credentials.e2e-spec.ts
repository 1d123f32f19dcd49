import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ApiKeysService } from '../../../src/core/accounts/api-keys.service.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { number, text, time } from '../../support/trinity-shapes.js';

const ours = '/api/agents/vault/credentials';
const mcp = JSON.stringify({ mcpServers: { files: { command: 'mcp-files', args: ['.'] } } });

describe('credentials', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  let home: string;
  const inHome = (name: string): string => path.join(home, name);
  const content = (name: string): string => readFileSync(inHome(name), 'utf8');
  const inject = (files: unknown, files_b64?: unknown) => admin.post(`${ours}/inject`, { files, files_b64 });

  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    await fleet.givenAgent('vault');
    home = fleet.engine.pathOf((await fleet.instanceOf('vault')).ref ?? '', 'home');
  });
  afterAll(() => fleet.close());

  it('are written whole, for the agent only, with their folders', async () => {
    writeFileSync(inHome('.env'), 'OLD=1\nOLDER=2\n');
    const { status, body } = await inject({ '.env': 'A=1\n#B=2\nC=3\n', '.ssh/id_x': 'k' }, { 'c/d/e.p12': 'AP8=' });
    expect([status, body]).toEqual([
      200,
      { status: 'success', files_written: ['.env', '.ssh/id_x', 'c/d/e.p12'], message: '3 files written to vault' },
    ]);
    expect(content('.env')).toBe('A=1\n#B=2\nC=3\n');
    expect(readFileSync(inHome('c/d/e.p12'))).toEqual(Buffer.from([0, 255]));
    for (const file of ['.env', '.ssh/id_x', 'c/d/e.p12']) expect(statSync(inHome(file)).mode & 0o777).toBe(0o600);
    for (const folder of ['.ssh', 'c', 'c/d']) expect(statSync(inHome(folder)).mode & 0o777).toBe(0o700);
    const owner = statSync(home);
    expect(statSync(inHome('c/d/e.p12')).uid).toBe(owner.uid);
  });

  it('are shown by size and time, never by content', async () => {
    const { status, body } = await admin.get(`${ours}/status`);
    const there = { exists: true, size: number, modified: time };
    expect([status, body]).toEqual([
      200,
      {
        agent_name: 'vault',
        files: {
          '.env': there,
          '.mcp.json': { exists: false },
          '.mcp.json.template': { exists: false },
          '.credentials.enc': { exists: false },
        },
        credential_count: 2,
      },
    ]);
  });

  it.each<[string, unknown, unknown, number]>([
    ['nothing', {}, undefined, 400],
    ['nothing at all', undefined, undefined, 400],
    ['a path above', { '../x': 'y' }, undefined, 400],
    ['a start file', { '.bashrc': 'y' }, undefined, 400],
    ['a good and a bad path', { 'good.pem': 'y', 'CLAUDE.md': 'y' }, undefined, 400],
    ['one path twice', { 'a.pem': 'y' }, { 'a.pem': 'eQ==' }, 400],
    ['.mcp.json in base64', {}, { '.mcp.json': 'e30=' }, 400],
    ['.mcp.json without servers', { '.mcp.json': '{}' }, undefined, 400],
    ['bad base64', {}, { 'a.p12': '???' }, 400],
    ['a list', ['.env'], undefined, 422],
    ['a text', '.env', undefined, 422],
    ['a number as content', { '.env': 7 }, undefined, 422],
    ['an object as content', { '.env': { a: 1 } }, undefined, 422],
    ['a list of binary files', {}, ['x'], 422],
  ])('are refused as %s, and nothing is written', async (_what, files, binary, expected) => {
    const { status, body } = await inject(files, binary);
    expect(status).toBe(expected);
    expect(Object.keys(body)).toEqual(['detail']);
    expect(['good.pem', 'a.pem'].filter((name) => existsSync(inHome(name)))).toEqual([]);
  });

  it('never follow a link out of the home', async () => {
    const outside = path.join(fleet.dataDir, 'outside');
    mkdirSync(outside, { recursive: true });
    chmodSync(outside, 0o777);
    writeFileSync(path.join(outside, 'target.pem'), 'untouched');
    symlinkSync(outside, inHome('linked'));
    symlinkSync(path.join(outside, 'target.pem'), inHome('link.pem'));
    const through = await inject({ 'first.pem': 'x', 'linked/target.pem': 'y', 'linked/new.pem': 'z' });
    expect([through.status, through.body]).toEqual([400, { detail: expect.stringContaining('symbolic link') }]);
    expect(existsSync(inHome('first.pem'))).toBe(false);
    // A link under the very name is replaced by the file.
    expect((await inject({ 'link.pem': 'mine' })).status).toBe(200);
    expect(statSync(inHome('link.pem')).isFile()).toBe(true);
    expect(readFileSync(path.join(outside, 'target.pem'), 'utf8')).toBe('untouched');
    expect(existsSync(path.join(outside, 'new.pem'))).toBe(false);
    for (const name of ['linked', 'link.pem']) rmSync(inHome(name));
  });

  it('are all written or none: what was there before comes back', async () => {
    mkdirSync(inHome('folder.pem'));
    writeFileSync(inHome('plain'), 'a file');
    await inject({ 'kept.pem': 'before' });
    for (const last of ['folder.pem', 'plain/x.pem']) {
      const { status } = await inject({ 'kept.pem': 'after', 'new.pem': 'x', [last]: 'y' });
      expect([status, content('kept.pem'), existsSync(inHome('new.pem'))]).toEqual([400, 'before', false]);
    }
    for (const name of ['folder.pem', 'plain', 'kept.pem']) rmSync(inHome(name), { recursive: true });
  });

  describe('as a bundle', () => {
    const exported = ['.env', '.mcp.json', '.ssh/id_x', 'c/d/e.p12'];

    it('are exported, found again after they were overwritten, and told of in the status', async () => {
      await inject({ '.env': 'SECRET=first\nOTHER=2\n', '.mcp.json': mcp });
      mkdirSync(inHome('node_modules/x'), { recursive: true });
      writeFileSync(inHome('node_modules/x/test.pem'), 'not ours');
      const out = await admin.post(`${ours}/export`);
      expect([out.status, out.body]).toEqual([
        200,
        { status: 'success', encrypted_file: '.credentials.enc', files_exported: 4 },
      ]);
      expect(content('.credentials.enc')).not.toContain('first');
      expect(statSync(inHome('.credentials.enc')).mode & 0o777).toBe(0o600);
      await inject({ '.env': 'SECRET=second\n' });
      rmSync(inHome('c'), { recursive: true });
      const back = await admin.post(`${ours}/import`);
      expect([back.status, back.body]).toEqual([
        200,
        { status: 'success', files_imported: exported, message: '4 files imported into vault' },
      ]);
      expect(content('.env')).toBe('SECRET=first\nOTHER=2\n');
      expect(readFileSync(inHome('c/d/e.p12'))).toEqual(Buffer.from([0, 255]));
      expect((await admin.get(`${ours}/status`)).body).toMatchObject({
        files: { '.credentials.enc': { exists: true } },
        credential_count: 2,
      });
    });

    it('travel in a body, as object and as text, to another agent', async () => {
      const { body } = await admin.post<{ bundle: object }>(`${ours}/export?download=true`);
      expect(body.bundle).toEqual({ version: 1, algorithm: 'AES-256-GCM', nonce: text, ciphertext: text });
      await fleet.givenAgent('twin');
      for (const bundle of [body.bundle, JSON.stringify(body.bundle)]) {
        const back = await admin.post('/api/agents/twin/credentials/import', { bundle });
        expect([back.status, back.body['files_imported']]).toEqual([200, exported]);
      }
      const gone = await admin.post('/api/agents/twin/credentials/import');
      expect([gone.status, gone.body]).toEqual([400, { detail: expect.stringContaining('.credentials.enc') }]);
      expect((await admin.delete('/api/agents/twin')).status).toBe(200);
    });

    it.each<[string, unknown, number]>([
      ['a number', 7, 422],
      ['a list', [], 422],
      ['an empty object', {}, 400],
      ['a broken text', '{"version":1', 400],
    ])('are refused as %s', async (_what, bundle, expected) => {
      expect((await admin.post(`${ours}/import`, { bundle })).status).toBe(expected);
    });

    it('are refused when damaged, and nothing is written', async () => {
      const good = content('.credentials.enc');
      const before = content('.env');
      const sealed = JSON.parse(good) as { ciphertext: string };
      const broken = JSON.stringify({ ...sealed, ciphertext: `AAAA${sealed.ciphertext.slice(4)}` });
      for (const bad of [broken, good.slice(0, 100), '', 'x'.repeat(100)]) {
        writeFileSync(inHome('.credentials.enc'), bad);
        expect((await admin.post(`${ours}/import`)).status).toBe(400);
      }
      expect(content('.env')).toBe(before);
      writeFileSync(inHome('.credentials.enc'), good);
    });

    it('come back by themselves when the agent starts, before anything of it runs', async () => {
      const { body } = await admin.post(`${ours}/export`);
      expect(body['files_exported']).toBe(4);
      writeFileSync(inHome('.env'), 'SECRET=changed\n');
      await admin.post('/api/agents/vault/stop');
      const resting = await admin.get(`${ours}/status`);
      expect([resting.status, resting.body]).toEqual([
        200,
        { agent_name: 'vault', status: 'agent_not_running', message: text },
      ]);
      const socket = await fleet.events();
      const started = await admin.post('/api/agents/vault/start');
      const result = { status: 'success', credential_count: 2, files: exported };
      const told = { credentials_injection: 'success', credentials_result: result, trinity_injection: 'success' };
      expect([started.status, started.body]).toEqual([200, { message: 'Agent vault started', ...told }]);
      expect(content('.env')).toBe('SECRET=first\nOTHER=2\n');
      const event = await socket.event((one) => one['type'] === 'agent_started');
      expect(event['data']).toEqual({ name: 'vault', ...told });
      socket.close();
    });

    it('come back when the reconciler starts it again', async () => {
      writeFileSync(inHome('.env'), 'SECRET=changed\n');
      const socket = await fleet.events();
      // Its main process dies, as in a crash: nobody signalled it through the engine.
      const state = path.join(fleet.dataDir, 'local', (await fleet.instanceOf('vault')).id, 'state.json');
      process.kill((JSON.parse(readFileSync(state, 'utf8')) as { run: { pid: number } }).run.pid, 'SIGKILL');
      const event = await socket.event((one) => one['type'] === 'agent_started');
      expect(event['data']).toMatchObject({ name: 'vault', credentials_injection: 'success' });
      expect(content('.env')).toBe('SECRET=first\nOTHER=2\n');
      socket.close();
    });

    it('that cannot be read are told of, and the agent starts all the same', async () => {
      await admin.post('/api/agents/vault/stop');
      writeFileSync(inHome('.credentials.enc'), 'damaged');
      const { status, body } = await admin.post('/api/agents/vault/start');
      const result = { status: 'failed', error: expect.stringContaining('no credentials bundle') };
      expect([status, body]).toEqual([
        200,
        {
          message: 'Agent vault started',
          credentials_injection: 'failed',
          credentials_result: result,
          trinity_injection: 'failed',
        },
      ]);
      expect((await admin.get('/api/agents/vault')).body['status']).toBe('running');
    });
  });

  it('are not for the key that lives in the agent', async () => {
    const { agentId } = await fleet.instanceOf('vault');
    const { userId, orgId } = await fleet.db
      .query<{ userId: string; orgId: string }>(
        `select owner_id as "userId", org_id as "orgId" from agents where id = $1`,
        [agentId],
      )
      .then(([row]) => row ?? { userId: '', orgId: '' });
    const wanted = { dialect: 'trinity', label: 'test' };
    const holder = { userId, orgId, agentId };
    const key = await fleet.db.run((tx) => fleet.app.get(ApiKeysService).issue(tx, holder, wanted));
    const agent = admin.as(key.value.reveal());
    for (const call of ['inject', 'export', 'import']) {
      const { status, body } = await agent.post(`${ours}/${call}`, { files: { '.env': 'A=1' } });
      expect([call, status, body]).toEqual([call, 403, { detail: 'Owner access required' }]);
    }
    expect((await agent.get(`${ours}/status`)).status).toBe(200);
    expect((await agent.get('/api/credentials/encryption-key')).status).toBe(403);
  });

  it('have a key that administrators may read, which is written down', async () => {
    const { status, body } = await admin.get('/api/credentials/encryption-key');
    expect([status, body]).toEqual([
      200,
      { key: fleet.config.credentialKey?.reveal(), algorithm: 'AES-256-GCM', key_format: text, note: text },
    ]);
    const noted = await fleet.db.query<{ action: string }>(
      `select distinct action from audit where action like 'credentials.%' order by action`,
    );
    expect(noted.map(({ action }) => action)).toEqual([
      'credentials.exported',
      'credentials.imported',
      'credentials.injected',
      'credentials.key_revealed',
    ]);
  });

  it('say that the agent cannot be reached when it does not answer', async () => {
    const instance = await fleet.instanceOf('vault');
    await fleet.db.query('update instances set ref = $2 where id = $1', [instance.id, 'gone']);
    const { status, body } = await admin
      .get(`${ours}/status`)
      .finally(() => fleet.db.query('update instances set ref = $2 where id = $1', [instance.id, instance.ref]));
    expect([status, body]).toEqual([503, { detail: expect.stringContaining('Failed to connect to agent') }]);
  });
});

describe('credentials without a key', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet({ env: { CREDENTIAL_ENCRYPTION_KEY: 'none' } });
    await fleet.givenAgent('keyless');
  });
  afterAll(() => fleet.close());

  it('are written, but not sealed', async () => {
    const at = '/api/agents/keyless/credentials';
    const files = { '.env': 'A=1', '.credentials.enc': '{}' };
    expect((await fleet.admin.post(`${at}/inject`, { files })).status).toBe(200);
    for (const call of ['export', 'import']) {
      const { status, body } = await fleet.admin.post(`${at}/${call}`);
      expect([call, status, body]).toEqual([call, 400, { detail: expect.stringContaining('switched off') }]);
    }
    expect((await fleet.admin.get('/api/credentials/encryption-key')).status).toBe(503);
    await fleet.admin.post('/api/agents/keyless/stop');
    const { body } = await fleet.admin.post('/api/agents/keyless/start');
    expect(body['credentials_result']).toEqual({ status: 'skipped', reason: 'encryption_not_configured' });
  });
});
