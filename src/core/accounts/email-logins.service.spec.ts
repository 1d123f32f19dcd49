import { AccountsFixture } from '../../../test/support/accounts.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import type { Principal } from '../access/principal.js';
import { AuditEntry } from '../audit/audit.entity.js';
import { EmailCode } from './email-code.entity.js';
import { LoginFailure } from './login-failure.entity.js';
import { User } from './user.entity.js';

const minutes = 60_000;

describe('signing in by e-mail', () => {
  let database: TestDatabase;
  let fixture: AccountsFixture;
  let root: Principal;
  beforeAll(async () => {
    database = await openTestDatabase();
    fixture = new AccountsFixture(database.db);
    root = await fixture.caller('root', { role: 'admin' });
  });
  afterAll(() => database.close());
  beforeEach(() => database.db.of(LoginFailure).clear());

  const listed = (email: string) => fixture.whitelist.add(root, email);
  const codeFor = async (email: string): Promise<string> => {
    const code = await database.db.run((tx) => fixture.whitelist.codeFor(tx, email));
    if (!code) throw new Error('not listed');
    return code.reveal();
  };
  const enter = (email: string, code: string, address = '192.0.2.1') =>
    fixture.emailLogins.signIn({ email, code, address });
  const other = (code: string): string => (code === '111111' ? '222222' : '111111');
  const account = (username: string) => database.db.of(User).findOneByOrFail({ username });
  const trail = async (object: string): Promise<string[]> =>
    (await database.db.of(AuditEntry).find({ where: { object }, order: { id: 'ASC' } })).map(({ action }) => action);

  it('makes the account at the first use and finds it at the second', async () => {
    await listed('First@Example.com');
    const first = await enter(' FIRST@example.com', await codeFor('first@example.com'));
    expect(first.user).toMatchObject({ username: 'first@example.com', email: 'first@example.com', role: 'user' });
    expect(await fixture.bearer(first.login.accessToken.reveal())).toMatchObject({
      userId: first.user.id,
      email: 'first@example.com',
    });
    const [, claims] = first.login.accessToken.reveal().split('.');
    expect(JSON.parse(Buffer.from(claims ?? '', 'base64url').toString())).toMatchObject({ mode: 'email' });
    const second = await enter('first@example.com', await codeFor('first@example.com'));
    expect(second.user.id).toBe(first.user.id);
    expect(await trail(`user:${first.user.id}`)).toEqual(['user.signed_in', 'user.signed_in']);
  });

  it('takes a code once, and every code under way ends with it', async () => {
    await listed('once@example.com');
    const [one, two] = [await codeFor('once@example.com'), await codeFor('once@example.com')];
    const both = await Promise.allSettled([enter('once@example.com', one), enter('once@example.com', one)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(enter('once@example.com', two)).rejects.toMatchObject({ kind: 'unauthenticated' });
  });

  it('takes a code for ten minutes, and not for another address', async () => {
    await listed('late@example.com');
    await listed('early@example.com');
    const code = await codeFor('late@example.com');
    await expect(enter('early@example.com', code)).rejects.toMatchObject({ code: 'wrong_code' });
    fixture.clock.advance(10 * minutes - 1);
    expect((await enter('late@example.com', code)).user.email).toBe('late@example.com');
    const old = await codeFor('late@example.com');
    fixture.clock.advance(10 * minutes);
    await expect(enter('late@example.com', old)).rejects.toMatchObject({ code: 'wrong_code' });
  });

  it('stores no code that could be guessed from the database', async () => {
    await listed('stored@example.com');
    const code = await codeFor('stored@example.com');
    const rows = await database.db.of(EmailCode).findBy({ email: 'stored@example.com' });
    expect(rows.map(({ hash }) => hash)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(JSON.stringify(rows)).not.toContain(code);
  });

  it('makes no code for an address off the list, and takes none any more', async () => {
    expect(await database.db.run((tx) => fixture.whitelist.codeFor(tx, 'stranger@example.com'))).toBeNull();
    await listed('gone@example.com');
    const code = await codeFor('gone@example.com');
    await fixture.whitelist.remove(root, 'gone@example.com');
    await listed('gone@example.com');
    await expect(enter('gone@example.com', code)).rejects.toMatchObject({ code: 'wrong_code' });
  });

  it('stops after five tries, even all at once, with the right code among them', async () => {
    await listed('guessed@example.com');
    const code = await codeFor('guessed@example.com');
    const tries = await Promise.allSettled(Array.from({ length: 9 }, () => enter('guessed@example.com', other(code))));
    const kinds = tries.map((one) => (one.status === 'rejected' ? (one.reason as { kind: string }).kind : 'in'));
    expect(kinds.sort()).toEqual([...Array<string>(4).fill('limit'), ...Array<string>(5).fill('unauthenticated')]);
    await expect(enter('guessed@example.com', code)).rejects.toMatchObject({ kind: 'limit', retryAfterSeconds: 600 });
    fixture.clock.advance(10 * minutes);
    await enter('guessed@example.com', await codeFor('guessed@example.com'));
  });

  it('counts failures of an address from the network too, and records each of them', async () => {
    const before = (await trail('user:unknown')).length;
    for (let i = 0; i < 30; i++) {
      await expect(enter(`nobody-${i}@example.com`, '123456', '198.51.100.9')).rejects.toMatchObject({
        kind: 'unauthenticated',
      });
    }
    await listed('honest@example.com');
    const code = await codeFor('honest@example.com');
    await expect(enter('honest@example.com', code, '198.51.100.9')).rejects.toMatchObject({ kind: 'limit' });
    expect((await enter('honest@example.com', code, '198.51.100.10')).user.username).toBe('honest@example.com');
    const since = (await trail('user:unknown')).slice(before);
    expect(since.filter((action) => action === 'user.sign_in_refused')).toHaveLength(30);
    expect(since.filter((action) => action === 'user.sign_in_throttled')).toHaveLength(1);
  });

  it('refuses somebody suspended in the words of a wrong code', async () => {
    await listed('frozen@example.com');
    const { user } = await enter('frozen@example.com', await codeFor('frozen@example.com'));
    await database.db.of(User).update({ id: user.id }, { suspendedAt: fixture.clock.now() });
    const code = await codeFor('frozen@example.com');
    await expect(enter('frozen@example.com', code)).rejects.toMatchObject({ code: 'wrong_code' });
  });

  describe('and addresses that were merely claimed', () => {
    it('take the address from whoever claimed it, instead of signing in as them', async () => {
      await fixture.caller('squatter');
      const squatter = await account('squatter');
      const who = { ...root, userId: squatter.id, username: 'squatter' };
      await fixture.users.setEmail(who, 'owner@example.com');
      await listed('owner@example.com');
      const { user } = await enter('owner@example.com', await codeFor('owner@example.com'));
      expect(user).toMatchObject({ username: 'owner@example.com', email: 'owner@example.com' });
      expect(await account('squatter')).toMatchObject({ email: null, emailProvenAt: null });
      expect(await trail(`user:${squatter.id}`)).toContain('user.email_claim_dropped');
    });

    it('lead back to the account that was left for an address never proven', async () => {
      await listed('back@example.com');
      const { user } = await enter('back@example.com', await codeFor('back@example.com'));
      await fixture.users.setEmail({ ...root, userId: user.id }, 'forth@example.com');
      const again = await enter('back@example.com', await codeFor('back@example.com'));
      expect(again.user).toMatchObject({ id: user.id, email: 'back@example.com' });
    });

    it('do not lead to an account that moved on to another proven one', async () => {
      await listed('old@example.com');
      await listed('new@example.com');
      const { user } = await enter('old@example.com', await codeFor('old@example.com'));
      const who = { ...root, userId: user.id, username: user.username };
      await fixture.emailLogins.prove(who, 'new@example.com', await codeFor('new@example.com'));
      const successor = await enter('old@example.com', await codeFor('old@example.com'));
      expect(successor.user).toMatchObject({ username: 'old@example.com-2', email: 'old@example.com' });
      expect((await enter('new@example.com', await codeFor('new@example.com'))).user.id).toBe(user.id);
    });

    it('become their own with a code', async () => {
      const ada = await fixture.caller('ada');
      await listed('ada@example.com');
      await fixture.users.setEmail(ada, 'ada@example.com');
      expect(await fixture.authenticator.refresh(ada)).toMatchObject({ email: null });
      const code = await codeFor('ada@example.com');
      await expect(fixture.emailLogins.prove(ada, 'ada@example.com', other(code))).rejects.toMatchObject({
        kind: 'invalid',
      });
      await fixture.emailLogins.prove(ada, 'ada@example.com', code);
      expect(await fixture.authenticator.refresh(ada)).toMatchObject({ email: 'ada@example.com' });
      expect((await enter('ada@example.com', await codeFor('ada@example.com'))).user.username).toBe('ada');
    });

    it('stay with whoever has proven them', async () => {
      await fixture.caller('bob', { email: 'bob@example.com' });
      const eve = await fixture.caller('eve');
      await listed('bob@example.com');
      const proof = fixture.emailLogins.prove(eve, 'bob@example.com', await codeFor('bob@example.com'));
      await expect(proof).rejects.toMatchObject({ kind: 'conflict' });
      expect(await account('bob')).toMatchObject({ email: 'bob@example.com' });
    });
  });

  describe('whitelist', () => {
    it('is for administrators', async () => {
      const nobody = await fixture.caller('nobody');
      await expect(fixture.whitelist.list(nobody)).rejects.toThrow(/Admin/);
      await expect(fixture.whitelist.add(nobody, 'x@example.com')).rejects.toThrow(/Admin/);
      await expect(fixture.whitelist.remove(nobody, 'x@example.com')).rejects.toThrow(/Admin/);
    });

    it('holds an address once, in one form', async () => {
      expect(await listed(' Twice@Example.com')).toBe('twice@example.com');
      await expect(listed('twice@example.com')).rejects.toMatchObject({ kind: 'conflict' });
      await expect(listed('nonsense')).rejects.toMatchObject({ kind: 'invalid' });
      expect(await fixture.whitelist.remove(root, 'TWICE@example.com')).toBe('twice@example.com');
      await expect(fixture.whitelist.remove(root, 'twice@example.com')).rejects.toMatchObject({ kind: 'not_found' });
      await expect(fixture.whitelist.remove(root, 'nonsense')).rejects.toMatchObject({ kind: 'not_found' });
      expect(await trail('email:twice@example.com')).toEqual(['whitelist.added', 'whitelist.removed']);
    });
  });
});
