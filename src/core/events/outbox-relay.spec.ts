import { Logger } from '@nestjs/common';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { databaseKinds, type PostgresServer } from '../../../test/support/postgres.js';
import { until } from '../../../test/support/until.js';
import type { FleetEvent } from './fleet-events.js';
import { OutboxRelay } from './outbox-relay.js';

describe.each(databaseKinds)('outbox relay on $name', ({ start, skipped }) => {
  if (skipped) {
    it.skip('needs PostgreSQL: apt-get install postgresql', () => undefined);
    return;
  }
  let server: PostgresServer | null;
  let database: TestDatabase;
  let clock: ManualClock;
  let relay: OutboxRelay;
  let heard: FleetEvent[];
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
    clock = new ManualClock(new Date().toISOString());
    relay = new OutboxRelay(database.db, database.notifications, clock);
    heard = [];
    relay.subscribe((events) => heard.push(...events));
    await relay.onApplicationBootstrap();
  });
  afterEach(() => relay.onModuleDestroy());

  const emit = (type: string, data: Record<string, unknown> = {}) =>
    database.db.run((tx) => tx.emit({ type, orgId: 'org', agentId: null, data }));
  const types = () => heard.map(({ type }) => type);

  it('publishes after commit, whole and in order', async () => {
    await emit('one', { text: `it's "quoted"`, list: [1, null] });
    await database.db.run(async (tx) => {
      await tx.emit({ type: 'two', orgId: 'org', agentId: 'a-1', data: {} });
      await tx.emit({ type: 'three', orgId: 'org', agentId: 'a-1', data: {} });
    });
    await until('all were heard', () => heard.length === 3);
    expect(heard).toEqual([
      {
        id: expect.any(Number) as number,
        type: 'one',
        orgId: 'org',
        agentId: null,
        data: { text: `it's "quoted"`, list: [1, null] },
        at: expect.any(Date) as Date,
      },
      expect.objectContaining({ type: 'two', agentId: 'a-1' }),
      expect.objectContaining({ type: 'three', agentId: 'a-1' }),
    ]);
    expect(await relay.newest()).toBe(heard.at(-1)?.id);
  });

  it('publishes nothing of a unit of work that failed', async () => {
    await database.db
      .run(async (tx) => {
        await tx.emit({ type: 'never', orgId: 'org', agentId: null, data: {} });
        throw new Error('no');
      })
      .catch(() => undefined);
    await emit('after');
    await until('the next was heard', () => heard.length > 0);
    expect(types()).toEqual(['after']);
  });

  it('publishes in strictly growing ids, skips none, when many commit at once', async () => {
    const many = Array.from({ length: 60 }, (_, n) => `event-${n}`);
    await Promise.all(many.map((type) => emit(type)));
    await until('all were heard', () => heard.length >= many.length);
    expect(types().sort()).toEqual([...many].sort());
    const ids = heard.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(many.length);
  });

  it('finds by itself what no notification announced', async () => {
    await database.db.query(`insert into outbox (type, org_id, data) values ('silent', 'org', '{}')`);
    await until('it polls', () => {
      clock.advance(2_000);
      return types().includes('silent');
    });
  });

  it('goes on when a listener throws', async () => {
    const others: string[] = [];
    relay.subscribe(() => {
      throw new Error('broken listener');
    });
    relay.subscribe((events) => others.push(...events.map(({ type }) => type)));
    await emit('a');
    await emit('b');
    await until('both were heard', () => others.length === 2);
    expect(types()).toEqual(['a', 'b']);
  });

  it('replays what came after an id, in portions, and says when that is gone', async () => {
    await emit('r1');
    await emit('r2');
    await emit('r3');
    await until('all were heard', () => heard.length === 3);
    const [first, second, third] = heard.map(({ id }) => id);
    expect((await relay.replay(first ?? 0))?.map(({ type }) => type)).toEqual(['r2', 'r3']);
    expect((await relay.replay(first ?? 0, 1))?.map(({ type }) => type)).toEqual(['r2']);
    expect(await relay.replay(third ?? 0)).toEqual([]);
    expect(await relay.replay((third ?? 0) + 1)).toBeNull();

    await database.db.query(`update outbox set at = at - interval '8 days' where id <= $1`, [second]);
    await relay.prune();
    expect(await relay.replay(first ?? 0)).toBeNull();
    expect((await relay.replay(second ?? 0))?.map(({ type }) => type)).toEqual(['r3']);
  });

  it('keeps the newest event however old it is, so that ids go on', async () => {
    await emit('last');
    await until('it was heard', () => heard.length === 1);
    clock.advance(30 * 24 * 3_600_000);
    await relay.prune();
    expect(await database.db.query('select type from outbox')).toEqual([{ type: 'last' }]);
    const next = new OutboxRelay(database.db, database.notifications, clock);
    expect(await next.newest()).toBe(heard[0]?.id);
  });
});
