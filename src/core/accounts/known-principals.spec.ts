import { AccountsFixture } from '../../../test/support/accounts.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { databaseKinds, type PostgresServer } from '../../../test/support/postgres.js';
import { until } from '../../../test/support/until.js';
import type { Principal } from '../access/principal.js';
import { KnownPrincipals } from './known-principals.js';

describe.each(databaseKinds)('principals that are known, on $name', ({ start, skipped }) => {
  if (skipped) {
    it.skip('needs PostgreSQL: apt-get install postgresql', () => undefined);
    return;
  }
  let server: PostgresServer | null;
  let database: TestDatabase;
  let fixture: AccountsFixture;
  let known: KnownPrincipals;
  let ada: Principal;
  let loads: number;

  beforeAll(async () => {
    server = await start();
    database = await openTestDatabase(server?.url);
    fixture = new AccountsFixture(database.db);
    ada = await fixture.caller('ada', { email: 'ada@example.com' });
  });
  beforeEach(async () => {
    known = new KnownPrincipals(database.notifications, fixture.clock);
    await known.onApplicationBootstrap();
    loads = 0;
  });
  afterEach(() => known.onModuleDestroy());
  afterAll(async () => {
    await database.close();
    await server?.stop();
  });

  const ask = (found: Principal | null = ada): Promise<Principal | null> =>
    known.of('key', () => {
      loads += 1;
      return Promise.resolve(found);
    });

  it('asks once, also when many ask at once', async () => {
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([ada, ada, ada]);
    await ask();
    expect(loads).toBe(1);
  });

  it('asks again after a few seconds, and after it was told to forget', async () => {
    await ask();
    fixture.clock.advance(6_000);
    await ask();
    known.forget();
    await ask();
    expect(loads).toBe(3);
  });

  it('keeps neither refusals, nor failures, nor keys that end with their agent', async () => {
    await ask(null);
    await expect(known.of('key', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    await ask({ ...ada, via: { kind: 'key', keyId: 'k', agentId: 'a' } });
    await ask();
    expect(loads).toBe(3);
  });

  it('does not keep what was found before it was told to forget', async () => {
    let found = (_: Principal): void => undefined;
    const early = known.of('key', () => new Promise((resolve) => (found = resolve)));
    known.forget();
    found(ada);
    await early;
    await ask();
    expect(loads).toBe(1);
  });

  it.each([
    ['a role', `update users set role = 'creator' where username = 'ada'`],
    ['a suspension', `update users set suspended_at = now() where username = 'ada'`],
    ['a membership', `insert into memberships (org_id, user_id, role) values (gen_random_uuid(), 'x', 'member')`],
    ['a sign-out', `insert into revoked_logins (jti, expires_at) values (gen_random_uuid(), now())`],
    ['a revoked key', `update api_keys set revoked_at = now()`],
    ['a deleted key', `delete from api_keys`],
  ])('forgets after %s that another server stored', async (_what, sql) => {
    await ask();
    await database.db.query(sql);
    await until('it asks again', async () => (await ask()) && loads === 2);
  });

  it('is not disturbed by counted uses and sign-ins', async () => {
    await ask();
    await database.db.query(`update users set last_login_at = now()`);
    await database.db.query(`update api_keys set usage_count = usage_count + 1`);
    await database.db.query(`select pg_notify('flotilla_accounts_other', '')`);
    await ask();
    expect(loads).toBe(1);
  });
});
