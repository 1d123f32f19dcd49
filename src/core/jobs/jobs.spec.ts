import { Logger } from '@nestjs/common';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { databaseKinds, type PostgresServer } from '../../../test/support/postgres.js';
import { until } from '../../../test/support/until.js';
import { Upstream } from '../errors/domain-error.js';
import { JobRunner } from './job-runner.js';
import { backOff, type ClaimedJob } from './job.rules.js';
import { JobsService } from './jobs.service.js';

describe.each(databaseKinds)('jobs on $name', ({ start, skipped }) => {
  if (skipped) {
    it.skip('needs PostgreSQL: apt-get install postgresql', () => undefined);
    return;
  }
  let server: PostgresServer | null;
  let database: TestDatabase;
  let clock: ManualClock;
  let jobs: JobsService;
  let runners: JobRunner[];
  beforeAll(async () => {
    Logger.overrideLogger(false); // failures are what is tested here
    server = await start();
    database = await openTestDatabase(server?.url ?? null);
  });
  afterAll(async () => {
    await database.close();
    await server?.stop();
  });
  beforeEach(async () => {
    await database.db.query('truncate jobs');
    clock = new ManualClock();
    jobs = new JobsService(database.db, clock);
    runners = [];
  });
  afterEach(() => stopAll());

  const runner = (run: (job: ClaimedJob, signal: AbortSignal) => Promise<void>, attempts = 3): JobRunner => {
    const made = new JobRunner(database.db, database.notifications, clock);
    made.handle('work', { run, attempts });
    runners.push(made);
    return made;
  };
  const stopAll = async () => {
    const stopped = Promise.all(runners.splice(0).map((made) => made.onModuleDestroy()));
    let over = false;
    void stopped.finally(() => (over = true));
    await until('they stopped', () => {
      clock.advance(1_000);
      return over;
    });
  };
  const enqueue = (key: string, payload: unknown = {}, runAt?: Date) =>
    database.db.run((tx) => jobs.enqueue(tx, { kind: 'work', key, payload, runAt }));
  const stateOf = async (key: string) => (await jobs.find('work', key))?.state;
  /** Moves time until it is so: polls, leases and back-offs all wait for the clock. */
  const eventually = (what: string, ask: () => Promise<boolean>, stepMs = 500) =>
    until(what, () => {
      clock.advance(stepMs);
      return ask();
    });

  it('does a job once, with its payload', async () => {
    const done: ClaimedJob[] = [];
    await runner((job) => Promise.resolve(void done.push(job))).onApplicationBootstrap();
    await enqueue('a', { n: 1 });
    await eventually('it is done', async () => (await stateOf('a')) === 'done');
    expect(done).toEqual([{ id: expect.any(String) as string, kind: 'work', key: 'a', payload: { n: 1 }, attempt: 1 }]);
  });

  it('takes a second order of unfinished work for the same, and a later one for new', async () => {
    expect([await enqueue('a'), await enqueue('a')]).toEqual([true, false]);
    await runner(() => Promise.resolve()).onApplicationBootstrap();
    await eventually('it is done', async () => (await stateOf('a')) === 'done');
    expect(await enqueue('a')).toBe(true);
    await eventually('both are done', async () => (await jobs.list({ state: 'done' })).length === 2);
  });

  it('gives each job to one of two runners only', async () => {
    const done: string[] = [];
    for (let n = 0; n < 30; n++) await enqueue(`k${n}`);
    const run = ({ key }: ClaimedJob) => Promise.resolve(void done.push(key));
    await Promise.all([runner(run).onApplicationBootstrap(), runner(run).onApplicationBootstrap()]);
    await eventually('all are done', async () => (await jobs.list({ state: 'done' })).length === 30);
    expect(new Set(done).size).toBe(30);
    expect(done).toHaveLength(30);
  });

  it('waits for the time a job is due', async () => {
    let done = 0;
    await runner(() => {
      done++;
      return Promise.resolve();
    }).onApplicationBootstrap();
    await enqueue('later', {}, new Date(clock.now().getTime() + 60_000));
    await enqueue('now');
    await eventually('the other is done', async () => (await stateOf('now')) === 'done', 100);
    expect(await stateOf('later')).toBe('waiting');
    clock.advance(60_000);
    await eventually('it is done', async () => (await stateOf('later')) === 'done');
    expect(done).toBe(2);
  });

  it('tries again later, then fails with a reason people can read', async () => {
    let tries = 0;
    const run = () =>
      Promise.reject(++tries === 1 ? new Error('private details') : new Upstream('the registry is down'));
    await runner(run).onApplicationBootstrap();
    await enqueue('a');
    await eventually('the first attempt failed', async () => Boolean((await jobs.find('work', 'a'))?.reason));
    expect((await jobs.find('work', 'a'))?.reason).toBe('It failed unexpectedly; the log has the details.');
    await eventually('it failed', async () => (await stateOf('a')) === 'failed');
    expect(await jobs.find('work', 'a')).toMatchObject({ attempts: 3, reason: 'the registry is down' });
    expect(tries).toBe(3);
  });

  it('takes over from a runner that died, when the lease is over', async () => {
    await enqueue('orphan');
    await database.db.query(
      `update jobs set state = 'running', claim = 'dead', attempts = 1, lease_until = $1 where key = 'orphan'`,
      [new Date(clock.now().getTime() + 60_000)],
    );
    const attempts: number[] = [];
    await runner(({ attempt }) => Promise.resolve(void attempts.push(attempt))).onApplicationBootstrap();
    await eventually('it is done', async () => (await stateOf('orphan')) === 'done', 5_000);
    expect(attempts).toEqual([2]);
  });

  it('keeps the lease of long work', async () => {
    let end: () => void = () => undefined;
    let aborted = false;
    const run = (_job: ClaimedJob, signal: AbortSignal) => {
      signal.addEventListener('abort', () => (aborted = true));
      return new Promise<void>((resolve) => (end = resolve));
    };
    await runner(run).onApplicationBootstrap();
    const started = clock.now().getTime();
    await enqueue('long');
    await eventually('it runs', async () => (await stateOf('long')) === 'running');
    const lease = async () => {
      const [row] = await database.db.query<{ lease_until: Date }>('select lease_until from jobs');
      return row?.lease_until.getTime() ?? 0;
    };
    await eventually('the lease was renewed', async () => (await lease()) > started + 100_000, 100);
    end();
    await eventually('it is done', async () => (await stateOf('long')) === 'done');
    expect(aborted).toBe(false);
  });

  it('gives unfinished work back when it stops', async () => {
    const run = (_job: ClaimedJob, signal: AbortSignal) =>
      new Promise<void>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('stopped')));
      });
    await runner(run).onApplicationBootstrap();
    await enqueue('a');
    await eventually('it runs', async () => (await stateOf('a')) === 'running');
    await stopAll();
    expect(await jobs.find('work', 'a')).toMatchObject({ state: 'waiting', attempts: 0 });
  });

  it('takes back a job that has not begun', async () => {
    await enqueue('a');
    expect(await database.db.run((tx) => jobs.cancel(tx, 'work', 'a'))).toBe(true);
    expect(await jobs.find('work', 'a')).toBeNull();
  });
});

it.each([
  [1, 1_000],
  [2, 4_000],
  [3, 16_000],
  [9, 600_000],
])('after attempt %d the next waits %d ms', (attempt, ms) => {
  expect(backOff(attempt)).toBe(ms);
});
