import { AccountsFixture } from '../../../test/support/accounts.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import type { Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { digest } from './account.rules.js';
import { ApiKey } from './api-key.entity.js';
import { User } from './user.entity.js';

describe('API keys', () => {
  let database: TestDatabase;
  let fixture: AccountsFixture;
  let ada: Principal;
  let root: Principal;
  beforeAll(async () => {
    database = await openTestDatabase();
    fixture = new AccountsFixture(database.db);
    ada = await fixture.caller('ada', { email: 'ada@example.com' });
    root = await fixture.caller('root', { role: 'admin' });
  });
  afterAll(() => database.close());

  const make = (who: Principal, label = 'laptop') => fixture.keys.create(who, { dialect: 'trinity', label });

  it('look as documented and are stored as a hash only', async () => {
    const { key, value } = await make(ada);
    expect(value.reveal()).toMatch(/^trinity_mcp_[A-Za-z0-9_-]{43}$/);
    expect(key.prefix).toBe(value.reveal().slice(0, 20));
    const [row] = await database.db.query('select * from api_keys where id = $1', [key.id]);
    expect(row).toMatchObject({ hash: digest(value.reveal()), scopes: ['*'], usage_count: 0 });
    expect(JSON.stringify(row)).not.toContain(value.reveal());
  });

  it('act for their user in their own dialect only', async () => {
    const { key, value } = await make(ada);
    expect(await fixture.bearer(value.reveal())).toEqual({
      ...ada,
      via: { kind: 'key', keyId: key.id, agentId: null },
    });
    expect(await fixture.bearer(value.reveal(), 'console')).toBeNull();
    expect(await fixture.bearer(value.reveal(), 'agento')).toBeNull();
    expect(await fixture.authenticator.authenticate({ kind: 'ticket', value: value.reveal() }, 'trinity')).toBeNull();
  });

  it.each(['trinity_mcp_', `trinity_mcp_${'A'.repeat(43)}`, 'ak_live_0123', 'osb_x', '', 'x'])(
    'nobody made are refused: %j',
    async (value) => {
      expect(await fixture.bearer(value)).toBeNull();
    },
  );

  it('follow their user: role, suspension', async () => {
    const bob = await fixture.caller('bob');
    const { value } = await make(bob);
    await database.db.of(User).update({ id: bob.userId }, { role: 'admin' });
    expect(await fixture.bearer(value.reveal())).toMatchObject({ role: 'admin' });
    await database.db.of(User).update({ id: bob.userId }, { suspendedAt: fixture.clock.now() });
    expect(await fixture.bearer(value.reveal())).toBeNull();
  });

  it('may be limited to some permissions, never more than the role has', async () => {
    const scopes = ['agents:read', 'admin'] as const;
    const { value } = await fixture.keys.create(ada, { dialect: 'trinity', label: 'reader', scopes });
    const who = await fixture.bearer(value.reveal());
    expect([...(who?.permissions ?? [])]).toEqual(['agents:read']);
  });

  it("of an agent carry neither their owner's rank nor their account, and end with it", async () => {
    const times = { createdAt: fixture.clock.now(), updatedAt: fixture.clock.now() };
    const made = { id: 'a1', slug: 'a1', displayName: 'a1', orgId: root.orgId, ownerId: root.userId, type: 'any' };
    const setup = { runtime: 'opencode', cpu: '1', memory: '1g', approvals: 'auto' } as const;
    await database.db.of(Agent).insert({ ...made, ...setup, ...times });
    const holder = { userId: root.userId, orgId: root.orgId, agentId: 'a1' };
    const { value } = await database.db.run((tx) =>
      fixture.keys.issue(tx, holder, { dialect: 'trinity', label: 'a1' }),
    );
    const who = await fixture.bearer(value.reveal());
    expect(who).toMatchObject({ role: 'user', via: { kind: 'key', agentId: 'a1' } });
    expect(who?.permissions.has('admin')).toBe(false);
    expect(who?.permissions.has('account')).toBe(false);

    await database.db.of(Agent).delete({ id: 'a1' });
    expect(await fixture.bearer(value.reveal())).toBeNull();
    expect(await fixture.keys.inspect(value.reveal(), 'trinity')).toBeNull();
    await database.db.of(Agent).insert({ ...made, ...setup, ...times });
    expect(await fixture.bearer(value.reveal())).not.toBeNull();
    await database.db.run((tx) => fixture.keys.revokeForAgent(tx, 'a1'));
    expect(await fixture.bearer(value.reveal())).toBeNull();
  });

  it('count their uses in batches', async () => {
    const { key, value } = await make(ada);
    for (let i = 0; i < 3; i++) await fixture.bearer(value.reveal());
    expect(await database.db.of(ApiKey).findOneBy({ id: key.id })).toMatchObject({ usageCount: 0, lastUsedAt: null });
    expect(await fixture.keys.get(ada, 'trinity', key.id)).toMatchObject({
      usageCount: 3,
      lastUsedAt: fixture.clock.now(),
    });
    await fixture.bearer(value.reveal());
    await fixture.usage.beforeApplicationShutdown();
    expect(await database.db.of(ApiKey).findOneBy({ id: key.id })).toMatchObject({ usageCount: 4 });
  });

  it('are refused once revoked or deleted', async () => {
    const revoked = await make(ada, 'to revoke');
    const deleted = await make(ada, 'to delete');
    await fixture.keys.revoke(ada, 'trinity', revoked.key.id);
    const { revokedAt } = await fixture.keys.revoke(ada, 'trinity', revoked.key.id);
    await fixture.keys.delete(ada, 'trinity', deleted.key.id);

    expect(await fixture.bearer(revoked.value.reveal())).toBeNull();
    expect(await fixture.bearer(deleted.value.reveal())).toBeNull();
    expect(await fixture.keys.get(ada, 'trinity', revoked.key.id)).toMatchObject({ revokedAt });
    await expect(fixture.keys.get(ada, 'trinity', deleted.key.id)).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('of others do not exist, not even for an administrator', async () => {
    const { key } = await make(ada);
    for (const action of ['get', 'revoke', 'delete'] as const) {
      await expect(fixture.keys[action](root, 'trinity', key.id)).rejects.toMatchObject({ kind: 'not_found' });
    }
    const own = await fixture.keys.list(root, 'trinity');
    expect(own.every(({ userId }) => userId === root.userId)).toBe(true);
  });

  it('by default are made once, also by two calls at the same time', async () => {
    const { id, personalOrgId } = await fixture.user('carl');
    const carl: Principal = { ...ada, userId: id, username: 'carl', orgId: personalOrgId };
    const both = await Promise.all([1, 2].map(() => fixture.keys.ensureDefault(carl, 'trinity')));
    const [issued] = both.filter((one) => one !== null);
    expect(both.filter((one) => one === null)).toHaveLength(1);

    await fixture.keys.revoke(carl, 'trinity', issued?.key.id ?? '');
    expect(await fixture.keys.ensureDefault(carl, 'trinity')).not.toBeNull();
  });

  it('tell whose they are, while they work', async () => {
    const { value, key } = await make(ada);
    expect(await fixture.keys.inspect(value.reveal(), 'trinity')).toMatchObject({
      key: { id: key.id },
      user: { username: 'ada' },
    });
    expect(await fixture.keys.inspect(value.reveal(), 'console')).toBeNull();
    await fixture.keys.revoke(ada, 'trinity', key.id);
    expect(await fixture.keys.inspect(value.reveal(), 'trinity')).toBeNull();
  });
});
