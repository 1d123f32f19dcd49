import { AccountsFixture } from '../../../test/support/accounts.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { Agent } from '../agents/agent.entity.js';
import type { Role } from '../access/principal.js';
import { ApiKey } from './api-key.entity.js';
import { Membership } from './membership.entity.js';
import { PrincipalCache } from './principal-cache.js';
import { RevokedLogin } from './revoked-login.entity.js';
import { User } from './user.entity.js';

const onServer = process.env.FLOTILLA_TEST_DATABASE_URL !== undefined;

describe('callers that are remembered', () => {
  let database: TestDatabase;
  let fixture: AccountsFixture;
  let queries: number;

  beforeAll(async () => {
    database = await openTestDatabase();
    const clock = new ManualClock();
    const cache = new PrincipalCache(database.db, database.notifications, clock);
    await cache.onModuleInit();
    fixture = new AccountsFixture(database.db, null, clock, undefined, cache);
    const read = database.db.lookUp.bind(database.db);
    database.db.lookUp = (sql: string, values: readonly unknown[]) => {
      queries += 1;
      return read(sql, values);
    };
  });
  afterAll(() => database.close());
  beforeEach(() => (queries = 0));

  const keyOf = async (username: string, agentId: string | null = null) => {
    const user = await fixture.user(username, { email: `${username}@example.com` });
    const holder = { userId: user.id, orgId: user.personalOrgId, agentId };
    const wish = { dialect: 'trinity', label: 'test' };
    const { key, value } = await database.db.run((tx) => fixture.keys.issue(tx, holder, wish));
    return { user, id: key.id, call: () => fixture.bearer(value.reveal()) };
  };

  it('are read once, on a server for each request', async () => {
    const { call } = await keyOf('reader');
    const first = await call();
    expect(first).toMatchObject({ username: 'reader' });
    expect(await call()).toEqual(first);
    expect(await fixture.authenticator.refresh(first ?? never())).toEqual(first);
    expect(await fixture.authenticator.refresh(first ?? never())).toEqual(first);
    // By the key itself and by its id: two names for one caller.
    expect(queries).toBe(onServer ? 4 : 2);
  });

  it('are not remembered while they may not call', async () => {
    expect(await fixture.bearer('trinity_mcp_unknown')).toBeNull();
    const { call, user } = await keyOf('suspended');
    await database.db.of(User).update({ id: user.id }, { suspendedAt: fixture.clock.now() });
    expect(await call()).toBeNull();
    await database.db.of(User).update({ id: user.id }, { suspendedAt: null });
    expect(await call()).toMatchObject({ username: 'suspended' });
  });

  it.each<[string, (userId: string, keyId: string) => Promise<unknown>, object | null]>([
    ['a role', (id) => database.db.of(User).update({ id }, { role: 'admin' }), { role: 'admin' }],
    ['a suspension', (id) => database.db.of(User).update({ id }, { suspendedAt: new Date() }), null],
    ['an address', (id) => database.db.of(User).update({ id }, { emailProvenAt: null }), { email: null }],
    ['a deleted user', (id) => database.db.of(User).delete({ id }), null],
    ['a revoked key', (_, id) => database.db.of(ApiKey).update({ id }, { revokedAt: new Date() }), null],
    ['fewer scopes', (_, id) => database.db.of(ApiKey).update({ id }, { scopes: [] }), { permissions: new Set() }],
    ['a deleted key', (_, id) => database.db.of(ApiKey).delete({ id }), null],
    [
      'a new organisation',
      (userId) => database.db.of(Membership).insert({ orgId: 'team', userId, role: 'member' }),
      { orgIds: ['team'] },
    ],
    [
      'a change without any of our code',
      () => database.db.query("update users set role = 'creator'"),
      { role: 'creator' },
    ],
  ])('%s acts on the next request', async (_what, change, expected) => {
    const { call, user, id } = await keyOf(`caller-${Math.random()}`);
    const before = await call();
    await change(user.id, id);
    const after = await call();
    if (expected === null) return expect(after).toBeNull();
    if ('orgIds' in expected) return expect(after?.orgIds).toContain('team');
    expect(after).toMatchObject(expected);
    expect(before).not.toMatchObject(expected);
  });

  it('go with the agent that their key was made for', async () => {
    const owner = await keyOf('owner');
    await database.db.of(Agent).insert({
      ...{ id: 'a1', slug: 'alpha', displayName: 'alpha', orgId: owner.user.personalOrgId, ownerId: owner.user.id },
      ...{ type: 'general', runtime: 'opencode', cpu: '1', memory: '1g', approvals: 'auto' },
      ...{ createdAt: fixture.clock.now(), updatedAt: fixture.clock.now() },
    });
    const { call } = await keyOf('inner', 'a1');
    expect(await call()).toMatchObject({ via: { agentId: 'a1' } });
    await database.db.of(Agent).delete({ id: 'a1' });
    expect(await call()).toBeNull();
  });

  it('are refused once they have signed out', async () => {
    await fixture.user('leaver', { password: 'correct-horse-battery' });
    const token = await fixture.signIn('leaver', 'correct-horse-battery');
    const who = await fixture.bearer(token);
    expect(who).toMatchObject({ username: 'leaver' });
    await fixture.logins.signOut(who ?? never());
    expect(await database.db.of(RevokedLogin).count()).toBe(1);
    expect(await fixture.bearer(token)).toBeNull();
  });

  it('are never what they were before a change that is acknowledged, however requests and changes meet', async () => {
    const { call, user } = await keyOf('busy');
    const roles: readonly Role[] = ['creator', 'operator', 'user', 'admin'];
    let stored = 'user';
    let over = false;
    const caller = async () => {
      for (let calls = 0; !over || calls < 50; calls += 1) {
        // What is remembered is answered at once: announcements need a turn, too.
        await new Promise((resolve) => setImmediate(resolve));
        const acknowledged = stored;
        const role = (await call())?.role;
        // Newer than what was acknowledged when it began is fine, older is not: nobody goes back to an earlier role.
        if (acknowledged === stored) expect([acknowledged, next(acknowledged)]).toContain(role);
      }
    };
    const next = (role: string): string => roles[(roles.indexOf(role as Role) + 1) % roles.length] ?? '';
    const writer = async () => {
      for (let round = 0; round < 200; round += 1) {
        const role = next(stored) as Role;
        await database.db.run((tx) => tx.of(User).update({ id: user.id }, { role }));
        stored = role;
        expect((await call())?.role).toBe(role);
      }
      over = true;
    };
    await Promise.all([writer(), caller(), caller(), caller()]);
  });
});

const never = (): never => {
  throw new Error('nobody was let in');
};
