import { AccountsFixture } from '../../../test/support/accounts.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { Secret } from '../credentials/secret.js';
import { LoginFailure } from './login-failure.entity.js';
import { Passwords } from './passwords.js';
import { RevokedLogin } from './revoked-login.entity.js';
import { User } from './user.entity.js';

const minutes = 60_000;
const days = 24 * 60 * minutes;

/** Verifies a password only once it is opened. */
class Gate extends Passwords {
  open: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => (this.open = resolve));
  private arrive: () => void = () => undefined;
  readonly reached = new Promise<void>((resolve) => (this.arrive = resolve));

  override async matches(password: Secret, stored: string | null): Promise<boolean> {
    this.arrive();
    await this.opened;
    return super.matches(password, stored);
  }
}

describe('signing in', () => {
  let database: TestDatabase;
  let fixture: AccountsFixture;
  let ada: User;

  beforeAll(async () => {
    database = await openTestDatabase();
    fixture = new AccountsFixture(database.db, 'the admin password');
    await fixture.accounts.onApplicationBootstrap();
    ada = await fixture.user('ada', { email: 'Ada@Example.com', password: 'correct horse' });
  });
  afterAll(() => database.close());
  beforeEach(() => database.db.of(LoginFailure).clear());

  const fail = async (times: number, username: string, address = '192.0.2.1') => {
    for (let i = 0; i < times; i++) {
      await expect(fixture.signIn(username, 'wrong', address)).rejects.toMatchObject({ kind: 'unauthenticated' });
    }
  };

  it('gives a token that stands for the user', async () => {
    const token = await fixture.signIn('ada', 'correct horse');
    expect(await fixture.bearer(token)).toMatchObject({
      userId: ada.id,
      username: 'ada',
      email: 'ada@example.com',
      role: 'user',
      orgId: ada.personalOrgId,
      orgIds: [ada.personalOrgId],
      via: { kind: 'login' },
    });
    expect(await database.db.of(User).findOneBy({ id: ada.id })).toMatchObject({ lastLoginAt: fixture.clock.now() });
  });

  it('puts exactly the documented claims into the token', async () => {
    const [, body] = (await fixture.signIn('ada', 'correct horse')).split('.');
    const now = Math.floor(fixture.clock.now().getTime() / 1000);
    expect(JSON.parse(Buffer.from(body ?? '', 'base64url').toString())).toEqual({
      sub: 'ada',
      exp: now + 7 * 24 * 3600,
      mode: 'admin',
      jti: expect.any(String),
      iat: now,
    });
  });

  it.each(['ada@example.com', 'ADA@EXAMPLE.COM'])('takes the e-mail address as a name: %s', async (name) => {
    expect(await fixture.bearer(await fixture.signIn(name, 'correct horse'))).toMatchObject({ username: 'ada' });
  });

  it.each([
    ['a wrong password', 'ada', 'wrong'],
    ['an unknown user', 'nobody', 'correct horse'],
    ['an empty name', '', ''],
    ['a name with NUL', 'ada\0', 'correct horse'],
    ['a name of 100 kB', 'a'.repeat(100_000), 'x'],
    ['a password of 100 kB', 'ada', 'x'.repeat(100_000)],
    ["somebody else's name with this password", 'admin', 'correct horse'],
  ])('says the same to %s', async (_what, username, password) => {
    await expect(fixture.signIn(username, password)).rejects.toMatchObject({
      kind: 'unauthenticated',
      message: 'Incorrect username or password',
    });
  });

  it('refuses a suspended user and their tokens', async () => {
    const eve = await fixture.user('eve', { password: 'correct horse' });
    const token = await fixture.signIn('eve', 'correct horse');
    await database.db.of(User).update({ id: eve.id }, { suspendedAt: fixture.clock.now() });
    expect(await fixture.bearer(token)).toBeNull();
    await expect(fixture.signIn('eve', 'correct horse')).rejects.toMatchObject({ kind: 'unauthenticated' });
  });

  it('refuses the right password after five failures, until 15 minutes after the first', async () => {
    await fail(1, 'ada');
    fixture.clock.advance(5 * minutes);
    await fail(4, 'ada@example.com', '192.0.2.2');
    await expect(fixture.signIn('ada', 'correct horse')).rejects.toMatchObject({
      kind: 'limit',
      retryAfterSeconds: 600,
    });

    const restarted = new AccountsFixture(database.db);
    await expect(restarted.signIn('ada', 'correct horse')).rejects.toMatchObject({ kind: 'limit' });

    fixture.clock.advance(10 * minutes);
    await expect(fixture.signIn('ada', 'correct horse')).resolves.toEqual(expect.any(String));
  });

  it('treats names nobody has alike', async () => {
    await fail(5, 'nobody');
    await expect(fixture.signIn('nobody', 'x')).rejects.toMatchObject({ kind: 'limit' });
  });

  it('forgives an account its failures when the right password comes', async () => {
    await fail(4, 'ada');
    await fixture.signIn('ada', 'correct horse');
    await fail(4, 'ada');
    await expect(fixture.signIn('ada', 'correct horse')).resolves.toEqual(expect.any(String));
  });

  it('refuses an address after thirty failures, whatever the account, for five minutes', async () => {
    for (let i = 0; i < 30; i++) await fail(1, `nobody-${i}`, '198.51.100.7');
    await expect(fixture.signIn('ada', 'correct horse', '198.51.100.7')).rejects.toMatchObject({
      kind: 'limit',
      retryAfterSeconds: 300,
    });
    await expect(fixture.signIn('ada', 'correct horse', '198.51.100.8')).resolves.toEqual(expect.any(String));
    fixture.clock.advance(5 * minutes);
    await expect(fixture.signIn('ada', 'correct horse', '198.51.100.7')).resolves.toEqual(expect.any(String));
  });

  it('does not let the right guess of a burst past the limit, though it was let in before the others failed', async () => {
    const gate = new Gate();
    const slow = new AccountsFixture(database.db, null, fixture.clock, gate);
    const right = slow.signIn('ada', 'correct horse');
    await gate.reached;
    await fail(5, 'ada');
    gate.open();
    await expect(right).rejects.toMatchObject({ kind: 'limit' });
  });

  it('ends with signing out, as often as one likes', async () => {
    const token = await fixture.signIn('ada', 'correct horse');
    const other = await fixture.signIn('ada', 'correct horse');
    const who = await fixture.bearer(token);
    if (!who) throw new Error('not signed in');
    await fixture.logins.signOut(who);
    await fixture.logins.signOut(who);
    expect(await fixture.bearer(token)).toBeNull();
    expect(await fixture.authenticator.refresh(who)).toBeNull();
    expect(await fixture.bearer(other)).not.toBeNull();
  });

  it('forgets signed-out logins once their tokens have expired', async () => {
    fixture.clock.advance(8 * days);
    const who = await fixture.bearer(await fixture.signIn('ada', 'correct horse'));
    if (!who) throw new Error('not signed in');
    await fixture.logins.signOut(who);
    expect(await database.db.of(RevokedLogin).count()).toBe(1);
  });

  it('lasts seven days', async () => {
    const token = await fixture.signIn('ada', 'correct horse');
    fixture.clock.advance(7 * days - 1000);
    const who = await fixture.bearer(token);
    expect(who).not.toBeNull();
    fixture.clock.advance(1000);
    expect(await fixture.bearer(token)).toBeNull();
    expect(who && (await fixture.authenticator.refresh(who))).toBeNull();
  });

  it('ends with a new password, also within the same second', async () => {
    const before = await fixture.signIn('ada', 'correct horse');
    fixture.clock.advance(1);
    const hash = await fixture.passwords.hash(new Secret('battery staple'));
    await database.db.run((tx) => fixture.users.setPasswordHash(tx, ada.id, hash));
    const after = await fixture.signIn('ada', 'battery staple');
    expect(await fixture.bearer(before)).toBeNull();
    expect(await fixture.bearer(after)).not.toBeNull();
  });

  it('is of no use to a dialect without logins', async () => {
    const token = await fixture.signIn('admin', 'the admin password');
    expect(await fixture.bearer(token, 'console')).not.toBeNull();
    expect(await fixture.bearer(token, 'agento')).toBeNull();
    expect(await fixture.authenticator.authenticate({ kind: 'api_key', value: token }, 'trinity')).toBeNull();
  });
});
