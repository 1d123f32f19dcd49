import { AccountsFixture } from '../../../test/support/accounts.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import type { Principal } from '../access/principal.js';
import { User } from './user.entity.js';

describe('users', () => {
  let database: TestDatabase;
  let fixture: AccountsFixture;
  let root: Principal;
  let ada: Principal;
  beforeAll(async () => {
    database = await openTestDatabase();
    fixture = new AccountsFixture(database.db);
    root = await fixture.caller('root', { role: 'admin' });
    ada = await fixture.caller('ada', { email: 'ada@example.com' });
  });
  afterAll(() => database.close());

  it('are listed for administrators only', async () => {
    expect((await fixture.users.list(root)).map(({ username }) => username)).toEqual(
      expect.arrayContaining(['root', 'ada']),
    );
    expect(() => fixture.users.list(ada)).toThrow(/Admin/);
  });

  it('get another role at once', async () => {
    expect(await fixture.users.setRole(root, 'ada', 'admin')).toMatchObject({ username: 'ada', role: 'admin' });
    expect(await fixture.authenticator.refresh(ada)).toMatchObject({ role: 'admin' });
    await fixture.users.setRole(root, 'ada', 'user');
    const now = await fixture.authenticator.refresh(ada);
    expect([now?.role, now?.permissions.has('admin')]).toEqual(['user', false]);
  });

  it.each([
    ['their own', 'root', 'user', 'invalid'],
    ['one that does not exist', 'ada', 'emperor', 'invalid'],
    ['one for a stranger', 'nobody', 'user', 'not_found'],
    ['one for a name with NUL', 'a\0', 'user', 'not_found'],
  ])('get no role: %s', async (_what, username, role, kind) => {
    await expect(async () => fixture.users.setRole(root, username, role)).rejects.toMatchObject({ kind });
  });

  it('who are no administrators change no role', () => {
    expect(() => fixture.users.setRole(ada, 'root', 'user')).toThrow(/Admin/);
  });

  it('keep an administrator when two demote each other at the same moment', async () => {
    const second = await fixture.caller('second', { role: 'admin' });
    await Promise.allSettled([
      fixture.users.setRole(root, 'second', 'user'),
      fixture.users.setRole(second, 'root', 'user'),
    ]);
    expect(await database.db.of(User).countBy({ role: 'admin' })).toBe(1);
    await database.db.of(User).update({ username: 'root' }, { role: 'admin' });
  });

  it('set an e-mail address, kept in one form', async () => {
    expect(await fixture.users.setEmail(ada, ' Ada@New.example ')).toMatchObject({ email: 'ada@new.example' });
    expect(await fixture.users.setEmail(ada, 'ada@new.example')).toMatchObject({ email: 'ada@new.example' });
  });

  it('refuse an address that is none', () => {
    expect(() => fixture.users.setEmail(ada, 'nonsense')).toThrow(/e-mail/);
  });

  it("refuse somebody else's address in any case, and one that is somebody's name", async () => {
    await fixture.user('carl', { email: 'carl@example.com' });
    await fixture.user('dora@example.com');
    for (const taken of ['CARL@example.com', 'dora@example.com']) {
      await expect(fixture.users.setEmail(ada, taken)).rejects.toMatchObject({ kind: 'conflict' });
    }
  });

  it('leave a trace of what was changed, and by whom', async () => {
    const { id } = await fixture.user('eve');
    await fixture.users.setRole(root, 'eve', 'operator');
    const rows = await database.db.query('select principal, action, result, data from audit where object = $1', [
      `user:${id}`,
    ]);
    expect(rows).toEqual([
      { principal: root.userId, action: 'user.role_changed', result: 'done', data: { from: 'user', to: 'operator' } },
    ]);
  });
});
