import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/until.js';
import { ChildServer } from '../child-server.js';
import { expectEngineMatches, expectReasons, expectWholeSessions, untilSettled } from '../invariants.js';
import { cleanUp, describeDocker, dockerEnv } from '../rig/docker-world.js';
import { hasPostgres, postgresWorld, type PostgresWorld } from '../rig/postgres-world.js';
import { report, roundsOf } from '../rig/rounds.js';

// R24: two control planes on one PostgreSQL and one engine. One leads; both serve the API; nothing is done twice; when the
// leader dies, hangs or stops, the other goes on.

const describeBoth = hasPostgres ? describeDocker : describe.skip;

describeBoth('two servers on one database', () => {
  let database: PostgresWorld;
  let folder: string;
  let servers: ChildServer[];
  let install = '';
  beforeAll(async () => {
    database = await postgresWorld();
    folder = mkdtempSync(join(tmpdir(), 'flotilla-two-'));
    const env = { ...dockerEnv(), DATABASE_URL: database.url };
    servers = [await ChildServer.on(join(folder, 'a'), env), await ChildServer.on(join(folder, 'b'), env)];
    for (const server of servers) await server.start();
    const [row] = await database.sql(`select value #>> '{}' as id from settings where key = 'flotilla.install_id'`);
    install = (row?.['id'] as string | undefined) ?? '';
  }, 240_000);
  afterAll(async () => {
    for (const server of servers) await server.kill();
    await cleanUp(install);
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const leadership = /This server (leads|does not lead any more)/g;
  const leads = (server: ChildServer): boolean =>
    server.running && server.output.match(leadership)?.at(-1)?.endsWith('leads') === true;
  const leader = (): ChildServer => pick(leads);
  const other = (): ChildServer => pick((server) => !leads(server));
  const pick = (which: (server: ChildServer) => boolean): ChildServer => {
    const found = servers.filter((server) => server.running && which(server));
    if (found.length !== 1 || !found[0]) throw new Error(`${found.length} servers instead of one`);
    return found[0];
  };
  const linesOf = async (server: ChildServer): Promise<string[]> => {
    const file = await server.admin.get<string>('/api/agents/shared/files/download?path=lines.txt');
    return file.body.trim().split('\n');
  };

  async function expectWhole(server: ChildServer): Promise<void> {
    await untilSettled(server);
    await expectWholeSessions(server);
    await expectEngineMatches(server);
    await expectReasons(server);
  }

  it('lets one lead, and serves the whole API on the other', async () => {
    const { admin } = other();
    expect((await admin.post('/api/agents', { name: 'shared' })).status).toBe(200);
    const prompt = '<<bash echo once | tee -a lines.txt>> <<say told>>';
    const chat = await admin.post('/api/agents/shared/chat', { message: prompt });
    expect({ status: chat.status, response: chat.body['response'] }).toEqual({ status: 200, response: 'told' });

    await admin.put('/~console/agents/shared/settings', { approvals: 'ask' });
    const asking = leader().admin.post('/api/agents/shared/chat', {
      message: '<<bash echo asked | tee -a lines.txt>> <<say done>>',
    });
    const id = await until('the approval waits', async () => {
      const { body } = await admin.get<{ id: string }[]>('/~console/approvals');
      return body[0]?.id;
    });
    await admin.post(`/~console/approvals/${id}/answer`, { decision: 'allow' });
    expect((await asking).body['response']).toBe('done');
    await admin.put('/~console/agents/shared/settings', { approvals: 'auto' });

    expect((await admin.post('/api/agents/shared/stop')).status).toBe(200);
    expect((await admin.post('/api/agents/shared/start')).status).toBe(200);
    expect((await admin.post('/api/agents', { name: 'short' })).status).toBe(200);
    expect((await admin.delete('/api/agents/short')).status).toBe(200);
    await expectEngineMatches(other());
    expect(await linesOf(other())).toEqual(['once', 'asked']);
  }, 180_000);

  it.each(roundsOf(1, 10))(
    'goes on when the leader is killed in a turn (round %d)',
    async (round) => {
      const [dying, staying] = [leader(), other()];
      const prompt = `<<bash echo kill-${round} | tee -a lines.txt>> <<slow 40 50>> <<say end-${round}>>`;
      const chat = staying.admin.post('/api/agents/shared/chat', { message: prompt });
      await until('the agent works', async () => (await linesOf(staying)).includes(`kill-${round}`));
      const began = Date.now();
      await dying.kill();
      dying.output = '';
      await until('the other leads', () => leads(staying), 20_000);
      const tookMs = Date.now() - began;
      expect((await chat).body['response']).toBe(
        `${Array.from({ length: 40 }, (_, n) => `tick ${n + 1} `).join('')}end-${round}`,
      );
      report(`leader killed, round ${round}`, ['a turn of 2 s'], `the other leads after ${tookMs} ms`);
      expect((await linesOf(staying)).filter((line) => line === `kill-${round}`)).toHaveLength(1);

      await dying.start();
      expect(leads(dying)).toBe(false);
      await expectWhole(staying);
    },
    120_000,
  );

  it.each(roundsOf(1, 10))(
    'goes on when the leader hangs, and has one leader when it wakes up (round %d)',
    async (round) => {
      const [hanging, staying] = [leader(), other()];
      const prompt = `<<bash echo hang-${round} | tee -a lines.txt>> <<slow 60 50>> <<say awake-${round}>>`;
      const chat = staying.admin.post('/api/agents/shared/chat', { message: prompt });
      await until('the agent works', async () => (await linesOf(staying)).includes(`hang-${round}`));
      hanging.signal('SIGSTOP');
      const began = Date.now();
      await until('the other leads', () => leads(staying), 20_000);
      const tookMs = Date.now() - began;
      hanging.signal('SIGCONT');
      await until('the first steps back', () => !leads(hanging), 20_000);
      expect(String((await chat).body['response'])).toMatch(new RegExp(`tick 60 awake-${round}$`));
      report(`leader hangs, round ${round}`, ['a turn of 3 s'], `the other leads after ${tookMs} ms`);
      expect((await linesOf(staying)).filter((line) => line === `hang-${round}`)).toHaveLength(1);
      await expectWhole(staying);
    },
    120_000,
  );

  it('fires a schedule once a minute, also when the leader hangs at that time and wakes up again', async () => {
    const path = '/api/agents/shared/schedules';
    const message = '<<bash echo tick | tee -a lines.txt>> <<say ticked>>';
    const minutely = { name: 'minutely', cron_expression: '* * * * *', message };
    await other().admin.put('/api/agents/shared/autonomy', { enabled: true });
    const made = await other().admin.post(path, minutely);
    expect(made.status).toBe(201);
    const id = String(made.body['id']);

    /** This minute comes again: what ran before is an hour older. A change made on a server tells the leader to look. */
    const due = (): Promise<unknown> =>
      database.sql(`update schedule_executions set planned_at = planned_at - interval '1 hour' where schedule_id = '${id}';
        update schedules set next_run_at = date_trunc('minute', now()) where id = '${id}'`);
    const tell = (server: ChildServer): Promise<unknown> =>
      server.admin.put(`${path}/${id}`, { description: String(Date.now()) });
    const isHandled = async (): Promise<boolean> =>
      (await database.sql(`select 1 from schedules where id = '${id}' and next_run_at > now()`)).length === 1;
    const runs = (): Promise<Record<string, unknown>[]> =>
      database.sql(`select e.planned_at::text as planned, e.state, t.state as turn from schedule_executions e
        left join turns t on t.id = e.id where e.schedule_id = '${id}'`);
    // Where a minute really turns meanwhile, one more may run, or be skipped.
    const over = (atLeast: number) =>
      until('every run is over', async () => {
        const ran = (await runs()).filter(({ state }) => state !== 'skipped');
        return ran.length >= atLeast && ran.every(({ turn }) => turn === 'finished') && ran;
      });

    await due();
    await tell(other());
    await until('it fired', isHandled);
    await over(1);

    const [hanging, staying] = [leader(), other()];
    hanging.signal('SIGSTOP');
    await due();
    await until('the other leads', () => leads(staying), 20_000);
    await tell(staying);
    hanging.signal('SIGCONT');
    await until('the first steps back', () => !leads(hanging), 20_000);
    await until('it fired', isHandled);
    const before = await over(2);

    // The clock goes back: this minute was dealt with.
    await database.sql(`update schedules set next_run_at = date_trunc('minute', now()) where id = '${id}'`);
    await tell(hanging);
    await until('it was looked at', isHandled);
    expect((await staying.admin.delete(`${path}/${id}`)).status).toBe(204);
    const all = await over(before.length);
    expect(new Set(all.map(({ planned }) => planned)).size).toBe(all.length);
    expect((await linesOf(staying)).filter((line) => line === 'tick')).toHaveLength(all.length);
    report('a schedule, leader hangs', ['two minutes that came due'], `${all.length} runs, each once`);
    await expectWhole(staying);
  }, 120_000);

  it.each(roundsOf(1, 10))(
    'hands over at once when the leader is stopped (round %d)',
    async (round) => {
      const [stopping, staying] = [leader(), other()];
      const began = Date.now();
      const { code } = await stopping.stop();
      await until('the other leads', () => leads(staying), 5_000);
      const tookMs = Date.now() - began;
      report(`leader stopped, round ${round}`, ['the leader'], `exit ${code}, handed over within ${tookMs} ms`);
      expect(code).toBe(0);
      for (const wish of ['stop', 'start'])
        expect((await staying.admin.post(`/api/agents/shared/${wish}`)).status).toBe(200);
      await stopping.start();
      expect([leads(stopping), leads(staying)]).toEqual([false, true]);
      await expectWhole(staying);
    },
    120_000,
  );
});
