import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/until.js';
import { ChildServer } from '../child-server.js';
import { expectEngineMatches, expectReasons, expectWholeSessions, untilSettled } from '../invariants.js';
import { hasPostgres, postgresWorld, type PostgresWorld } from '../rig/postgres-world.js';
import { full, report, roundsOf } from '../rig/rounds.js';

// R9: PostgreSQL is away, slow, or breaks the connection in the middle of a transaction. Liveness holds, readiness says no,
// calls are refused with a code, nothing is written in part, and all is well again without a restart.

const describePostgres = hasPostgres ? describe : describe.skip;
/** The same sentence in the words of each API. */
const refusals = {
  trinity: { detail: 'The database is not available' },
  hostedagents: { error: 'The database is not available', code: 'database_unavailable' },
} as const;
type Api = keyof typeof refusals;
const apis = Object.keys(refusals) as Api[];

/** When the connection breaks in a create, and what of the agent is stored then. */
const tears = [
  { when: 'before its commit', text: 'COMMIT', passOn: false, stored: false },
  // The database did it, and nobody was told: it comes up all the same.
  { when: 'as its commit is answered', text: 'COMMIT', passOn: true, stored: true },
  { when: 'in the middle', text: 'INSERT INTO "instances"', passOn: false, stored: false },
] as const;
/** How late the event loop may be (p99). Judged where nothing else is tested beside it. */
const mostLateMs = 100;
const awayMs = full ? [1_000, 60_000] : [1_000, 6_000];

describePostgres('the database is away', () => {
  let database: PostgresWorld;
  let server: ChildServer;
  let folder: string;
  let token: string;
  beforeAll(async () => {
    database = await postgresWorld();
    folder = mkdtempSync(join(tmpdir(), 'flotilla-away-'));
    server = await ChildServer.on(folder, { DATABASE_URL: database.proxiedUrl, HOSTEDAGENTS_MAX_RUNNING: '1000' });
    await server.start();
    token = String((await server.admin.post('/api/v1/tokens', { label: 'chaos' })).body['token']);
    expect((await server.admin.post('/api/agents', { name: 'steady' })).status).toBe(200);
  }, 120_000);
  afterAll(async () => {
    database.proxy.delayMs = 0;
    database.proxy.breakAt = null;
    await server.clear();
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const status = async (path: string): Promise<number> => (await fetch(server.url + path)).status;
  const create = (api: Api, name: string) =>
    api === 'trinity'
      ? server.admin.post('/api/agents', { name })
      : server.admin.as(token).post('/api/v1/agents', { name });
  const recovered = () => until('it is ready again', async () => (await status('/health/ready')) === 200, 15_000);
  const slugs = async (like: string): Promise<unknown[]> =>
    (await database.sql(`select slug from agents where slug like '${like}' order by slug`)).map((row) => row['slug']);

  it.each(awayMs.flatMap((ms) => roundsOf(1, 20).map((round) => [ms, round] as const)))(
    'for %d ms (round %d)',
    async (ms, round) => {
      const end = `end-${ms}-${round}`;
      const chat = server.admin
        .post('/api/agents/steady/chat', { message: `<<slow 20 50>> <<say ${end}>>` })
        .catch(() => null);
      await until('the turn runs', async () => {
        const [row] = await database.sql(`select count(*) from turns where state = 'running'`);
        return row?.['count'] === '1';
      });
      const broken = database.proxy.cut();
      const began = Date.now();
      const struck = [`${broken} connections`, 'a running turn'];
      let slowestMs = 0;
      let asks = 0;
      await server.delays();
      while (Date.now() - began < ms) {
        const asked = Date.now();
        expect(await status('/health')).toBe(200);
        slowestMs = Math.max(slowestMs, Date.now() - asked);
        const api = apis[asks % apis.length] ?? 'trinity';
        const write = await create(api, `lost-${ms}-${round}`);
        const ready = await status('/health/ready');
        const told = { status: write.status, body: write.body, wait: write.headers.get('retry-after'), ready };
        expect(told).toEqual({ status: 503, body: refusals[api], wait: '2', ready: 503 });
        asks += 1;
        await pause(100);
      }
      expect(asks).toBeGreaterThan(0);
      const { p99Ms } = await server.delays();
      await database.proxy.mend();
      const mended = Date.now();
      await recovered();
      report(
        `database away ${ms} ms`,
        struck,
        `ready ${Date.now() - mended} ms after; slowest /health ${slowestMs} ms, event loop late by ${p99Ms} ms (p99)`,
      );
      if (full) expect(p99Ms).toBeLessThanOrEqual(mostLateMs);
      await chat;
      await until('the turn has ended', async () => {
        const [row] = await database.sql(`select answer, state from turns where prompt like '%${end}%'`);
        return row?.['state'] === 'finished' && String(row['answer']).endsWith(end);
      });
      expect(await slugs('lost-%')).toEqual([]);
      await untilSettled(server);
      await expectWholeSessions(server);
      await expectEngineMatches(server);
      await expectReasons(server);
    },
    120_000,
  );

  it.each(roundsOf(1, 20))(
    'slow: every query takes longer (round %d)',
    async (round) => {
      const [name, delayMs] = [`slow-${round}`, full ? 500 : 50];
      await server.delays();
      database.proxy.delayMs = delayMs;
      const began = Date.now();
      const [read, live] = await Promise.all([server.admin.get('/api/agents'), status('/health')]);
      const readMs = Date.now() - began;
      expect([read.status, live]).toEqual([200, 200]);
      const chat = await server.admin.post('/api/agents/steady/chat', { message: `<<say slowly-${round}>>` });
      expect([chat.status, chat.body['response']]).toEqual([200, `slowly-${round}`]);
      expect((await create('trinity', name)).status).toBe(200);
      expect((await server.admin.delete(`/api/agents/${name}`)).status).toBe(200);
      database.proxy.delayMs = 0;
      const { p99Ms } = await server.delays();
      report(
        `database slower by ${delayMs} ms, round ${round}`,
        ['every query of a list, a turn, a create and a delete'],
        `the list took ${readMs} ms, all ${Date.now() - began} ms; event loop late by ${p99Ms} ms (p99)`,
      );
      expect(readMs).toBeGreaterThanOrEqual(delayMs);
      if (full) expect(p99Ms).toBeLessThanOrEqual(mostLateMs);
      await recovered();
      expect(await slugs(name)).toEqual([]);
      await untilSettled(server);
      await expectWholeSessions(server);
      await expectEngineMatches(server);
      await expectReasons(server);
    },
    480_000,
  );

  it.each(tears.flatMap((tear) => apis.flatMap((api) => roundsOf(1, 10).map((round) => ({ ...tear, api, round })))))(
    'the connection breaks $when, asked through $api (round $round)',
    async ({ when, text, passOn, stored, api, round }) => {
      const name = `torn-${Math.random().toString(36).slice(2, 8)}`;
      const before = database.proxy.struck.length;
      database.proxy.breakAt = { text, after: 'INSERT INTO "agents"', passOn, times: 1 };
      const { status: code, body, headers } = await create(api, name);
      database.proxy.breakAt = null;
      await recovered();
      await untilSettled(server);
      const rows = await database.sql(
        `select a.slug, i.state from agents a left join instances i on i.agent_id = a.id where slug = '${name}'`,
      );
      report(
        `connection torn ${when} (${api}), round ${round}`,
        database.proxy.struck.slice(before),
        `answered ${code}, ${rows.length} rows stored`,
      );
      const told = { status: code, body, wait: headers.get('retry-after') };
      expect(told).toEqual({ status: 503, body: refusals[api], wait: '2' });
      expect(rows).toEqual(stored ? [{ slug: name, state: 'running' }] : []);
      await expectWholeSessions(server);
      await expectEngineMatches(server);
      await expectReasons(server);
    },
    60_000,
  );
});
