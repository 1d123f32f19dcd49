import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildServer } from '../../chaos/child-server.js';
import { makeDataDir } from '../../support/database.js';
import { until } from '../../support/until.js';
import { once } from 'node:events';

const longestStopMs = 10_000;

async function refusal(server: ChildServer): Promise<string> {
  const child = server.spawn();
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(1);
  return server.output;
}

describe('the life of a server', () => {
  const folders: string[] = [];
  const servers: ChildServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.clear();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  async function given(env: Record<string, string> = {}, dataDir?: string): Promise<ChildServer> {
    const folder = dataDir ?? (await makeDataDir());
    if (!dataDir) folders.push(folder);
    const server = await ChildServer.on(folder, env);
    servers.push(server);
    return server;
  }

  it('refuses a second server on one data folder, and says why', async () => {
    const first = await given();
    await first.start();
    const second = await ChildServer.on(first.dataDir);
    const said = await refusal(second);
    expect(said).toMatch(
      /^Flotilla cannot start:\nThe data folder \S+ is in use by another Flotilla \(process \d+\): stop that one first, or set FLOTILLA_DATA_DIR to another folder\.\n$/m,
    );
    expect((await fetch(`${first.url}/health`)).status).toBe(200);
  }, 120_000);

  it('refuses another master key with one sentence', async () => {
    const server = await given({
      FLOTILLA_MASTER_KEY: '27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9',
    });
    await server.start();
    await server.stop();
    const wrong = await ChildServer.on(server.dataDir, {
      FLOTILLA_MASTER_KEY: '8810ad581e59f2bc3928b261707a71308f7e139eb04820366dc4d5c18d980225',
    });
    expect(await refusal(wrong)).toContain('The master key is not the one this database was made with');
    expect(
      wrong.output
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('{')),
    ).toHaveLength(2);
    await server.start();
    expect((await server.admin.get('/api/agents')).status).toBe(200);
  }, 120_000);

  it('keeps the outcome of a turn that ended while no server was there, although a stop is due', async () => {
    const server = await given();
    await server.start();
    await server.admin.post('/api/agents', { name: 'alpha' });
    const message = '<<slow 60 50>> <<say whole>>';
    const call = server.admin.post('/api/agents/alpha/chat', { message }).catch(() => null);
    await until('it runs', async () => (await server.sql(`select 1 from turns where state = 'running'`)).length === 1);
    const [{ id } = { id: '' }] = await server.sql<{ id: string }>('select id from instances');
    const journal = join(server.dataDir, 'local', id, 'run', 'gen', '1', 'journal');
    // A turn is marked running before its prompt is sent: only one that has begun to answer goes on alone.
    await until(
      'it answers',
      () => existsSync(journal) && readFileSync(journal, 'utf8').includes('agent_message_chunk'),
    );
    await server.lastWords(`update instances set desired = 'stopped'`); // as a stop does, before anybody acts on it
    await call;
    await until('the runtime has answered', () => readFileSync(journal, 'utf8').includes('"stopReason"'));
    await server.start();
    await until('it is stopped', async () => {
      return (await server.sql(`select 1 from instances where state = 'stopped'`)).length === 1;
    });
    expect(await server.sql('select state, error from turns')).toEqual([{ state: 'finished', error: null }]);
  }, 120_000);

  it('stops within ten seconds while an agent is being made, and the agent is there afterwards or not at all', async () => {
    const server = await given();
    await server.start();
    const made = server.admin.post('/api/agents', { name: 'alpha' }).catch(() => null);
    await until('it is being made', async () => (await server.sql('select 1 from instances')).length === 1);
    const { code, ms } = await server.stop();
    expect([code, ms <= longestStopMs]).toEqual([0, true]);
    await made;
    await server.start();
    const { status, body } = await server.admin.get('/api/agents/alpha');
    if (status !== 404) expect(body['status']).toBe('running');
    const { instances } = await server.engine();
    expect(instances).toHaveLength(status === 404 ? 0 : 1);
  }, 120_000);
});

const root = process.getuid?.() === 0;
const describeAsRoot = root ? describe : describe.skip;

describeAsRoot('a data folder whose disk is full (needs root for a small tmpfs)', () => {
  let folder: string;
  let server: ChildServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flotilla-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m,mode=0700', 'tmpfs', folder]);
    const made = await makeDataDir();
    execFileSync('cp', ['-a', `${made}/.`, folder]);
    rmSync(made, { recursive: true, force: true });
    server = await ChildServer.on(folder);
    await server.start();
  }, 120_000);
  afterAll(async () => {
    await server.clear();
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true, force: true });
  }, 120_000);

  const filler = (): string => join(folder, 'filler');
  function fill(): void {
    writeFileSync(filler(), '');
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${filler()}`, 'bs=64k'], { stdio: 'ignore' });
    } catch {
      return; // full, as intended
    }
  }

  it('says so, keeps reading and deleting, and recovers without a restart', async () => {
    const { admin } = server;
    expect((await admin.post('/api/agents', { name: 'before' })).status).toBe(200);
    fill();
    const answers = [];
    for (let n = 0; n < 20; n += 1) {
      const { status, body } = await admin.post('/api/agents', { name: `full-${n}` });
      answers.push([status, JSON.stringify(body)]); // the reason stands beside the sentence
    }
    const refused = answers.filter(([status]) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const [status, text] of refused) {
      expect([500, 503, 507]).toContain(status);
      expect(text).toMatch(/disk is full/i);
    }
    expect((await admin.get('/api/agents')).status).toBe(200);
    rmSync(filler());
    await until(
      'creating works again',
      async () => (await admin.post('/api/agents', { name: 'after' })).status === 200,
    );
    const listed = await admin.get<{ name: string }[]>('/api/agents');
    expect(listed.body.map(({ name }) => name)).toEqual(expect.arrayContaining(['before', 'after']));
    const made = answers.flatMap(([status], n) => (status === 200 ? [`full-${n}`] : []));
    expect(listed.body.map(({ name }) => name).sort()).toEqual(['after', 'before', ...made].sort());
    await server.kill();
    await server.start();
    expect((await server.admin.get<{ name: string }[]>('/api/agents')).body.length).toBe(2 + made.length);
  }, 180_000);
});
