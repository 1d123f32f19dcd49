import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { databaseKinds, type PostgresServer } from '../../../test/support/postgres.js';
import { Access } from '../access/access.service.js';
import { User } from '../accounts/user.entity.js';
import { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Instance } from '../instances/instance.entity.js';
import type { Leadership } from '../leadership/leadership.service.js';
import type { Prompts } from '../sessions/prompts.service.js';
import { TurnIntake } from '../sessions/turn-intake.service.js';
import { Turn } from '../sessions/turn.entity.js';
import { ScheduleExecution } from './schedule-execution.entity.js';
import { ScheduleRuns } from './schedule-runs.service.js';
import { Schedule } from './schedule.entity.js';
import { Scheduler } from './scheduler.service.js';

/** Nobody works on turns here: that they are made is what is looked at. */
const prompts = { stored: () => undefined } as unknown as Prompts;
const leadership = { leading: true, add: () => undefined } as unknown as Leadership;

describe.each(databaseKinds)('runs of schedules on $name', ({ start, skipped }) => {
  if (skipped) {
    it.skip('needs PostgreSQL: apt-get install postgresql', () => undefined);
    return;
  }
  let server: PostgresServer | null;
  let database: TestDatabase;
  let clock: ManualClock;
  beforeAll(async () => {
    server = await start();
    database = await openTestDatabase(server?.url ?? null);
  });
  afterAll(async () => {
    await database.close();
    await server?.stop();
  });
  beforeEach(async () => {
    clock = new ManualClock('2026-03-28T12:00:00.000Z');
    const { db } = database;
    await db.query('truncate agents, users, outbox cascade');
    const at = clock.now();
    const owner = {
      username: 'owner',
      email: null,
      passwordHash: null,
      role: 'user',
      personalOrgId: 'o',
      createdAt: at,
    };
    await db.of(User).insert({ id: 'owner', ...owner } as never);
    await db.of(Agent).insert({
      id: 'agent',
      slug: 'agent',
      displayName: 'agent',
      orgId: 'o',
      ownerId: 'owner',
      type: 'x',
      runtime: 'scripted',
      cpu: '1',
      memory: '1g',
      approvals: 'auto',
      autonomy: true,
      createdAt: at,
      updatedAt: at,
    });
    const running = { desired: 'running', state: 'running', stateSince: at, createdAt: at } as const;
    await db.of(Instance).insert({ id: 'instance', agentId: 'agent', ...running });
  });

  /** One server's scheduler. Several may look at the same database. */
  const scheduler = (): Scheduler => {
    const { db } = database;
    const runs = new ScheduleRuns(db, new Access(db), new Audit(clock), new TurnIntake(clock), prompts);
    return new Scheduler(db, clock, leadership, runs);
  };
  const given = (cron: string, nextRunAt: string, timezone = 'UTC') =>
    database.db.of(Schedule).insert({
      id: 'schedule',
      agentId: 'agent',
      createdBy: 'owner',
      name: 'one',
      message: 'hi',
      cron,
      timezone,
      nextRunAt: new Date(nextRunAt),
      createdAt: clock.now(),
      updatedAt: clock.now(),
    });
  const planned = async (): Promise<string[]> => {
    const rows = await database.db.of(ScheduleExecution).find({ order: { plannedAt: 'ASC' } });
    return rows.map(({ plannedAt, state }) => `${plannedAt?.toISOString().slice(0, 16) ?? 'never'} ${state}`);
  };
  const finishTurns = () => database.db.query(`update turns set state = 'finished'`);
  const hour = 3_600_000;

  it('fires once, however many servers look at it at once, and again in the next minute', async () => {
    await given('* * * * *', '2026-03-28T12:00:00Z');
    const servers = [scheduler(), scheduler(), scheduler()];
    for (let minute = 0; minute < 3; minute += 1) {
      await Promise.all(servers.flatMap((one) => [one.look(), one.look()]));
      await finishTurns();
      clock.advance(60_000);
    }
    expect(await planned()).toEqual(['2026-03-28T12:00 sent', '2026-03-28T12:01 sent', '2026-03-28T12:02 sent']);
    expect(await database.db.of(Turn).count()).toBe(3);
  });

  it('tells once of a run that was skipped, however many servers look, and does not call it the last run', async () => {
    await database.db.query('update agents set autonomy = false');
    await given('0 * * * *', '2026-03-28T12:00:00Z');
    await Promise.all([scheduler(), scheduler()].flatMap((one) => [one.look(), one.look()]));
    const told = await database.db.query(`select data from outbox where type = 'schedule.settled'`);
    expect(told).toMatchObject([{ data: { state: 'skipped', error: 'Autonomy is off for this agent' } }]);
    const [schedule] = await database.db.of(Schedule).find();
    expect([schedule?.lastRunAt, await planned()]).toEqual([null, ['2026-03-28T12:00 skipped']]);
  });

  it('says when the next look is worth while', async () => {
    expect(await scheduler().look()).toBe(15_000);
    await given('* * * * *', '2026-03-28T12:00:07Z');
    expect(await scheduler().look()).toBe(7000);
  });

  it('fires once on the night when clocks are set forward, and when they are set back', async () => {
    await given('30 2 * * *', '2026-03-29T01:00:00Z', 'Europe/Berlin');
    const one = scheduler();
    for (let passed = 0; passed < 24 * 6; passed += 1) {
      clock.advance(hour / 6);
      await one.look();
      await finishTurns();
    }
    expect(await planned()).toEqual(['2026-03-29T01:00 sent']); // 03:00 in Berlin: 02:30 is left out

    await database.db.query(`update schedules set next_run_at = '2026-10-25T00:30:00Z'`);
    clock.advance(Date.parse('2026-10-24T23:55:00Z') - clock.now().getTime());
    for (let passed = 0; passed < 12 * 6; passed += 1) {
      clock.advance(hour / 6);
      await one.look();
      await finishTurns();
    }
    expect(await planned()).toEqual(['2026-03-29T01:00 sent', '2026-10-25T00:30 sent']); // the first of two 02:30
  });

  it('does not fire again when the clock is set back, and makes up for one run when it jumps ahead', async () => {
    await given('0 * * * *', '2026-03-28T12:00:00Z');
    const one = scheduler();
    await one.look();
    await finishTurns();
    clock.advance(-hour);
    await one.look();
    clock.advance(hour / 2);
    await one.look();
    expect(await planned()).toEqual(['2026-03-28T12:00 sent']);
    clock.advance(2.5 * hour + 300_000); // 14:05
    await one.look();
    expect(await planned()).toEqual(['2026-03-28T12:00 sent', '2026-03-28T13:00 skipped', '2026-03-28T14:00 sent']);
  });

  it('waits for an agent that is coming up, for ten minutes', async () => {
    await given('0 * * * *', '2026-03-28T12:00:00Z');
    await database.db.query(`update instances set state = 'provisioning'`);
    const one = scheduler();
    await one.look();
    clock.advance(5 * 60_000);
    await one.look();
    expect(await planned()).toEqual(['2026-03-28T12:00 pending']);
    clock.advance(6 * 60_000);
    await one.look();
    const [row] = await database.db.of(ScheduleExecution).find();
    expect(row).toMatchObject({ state: 'failed', error: 'The agent did not come up within 10 minutes' });
  });
});
