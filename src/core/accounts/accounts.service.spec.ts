import { Logger } from '@nestjs/common';
import { AccountsFixture, askFirst } from '../../../test/support/accounts.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { Secret } from '../credentials/secret.js';
import { Membership } from './membership.entity.js';
import { Organisation } from './organisation.entity.js';
import { User } from './user.entity.js';

describe('the first administrator', () => {
  let database: TestDatabase;
  const clock = new ManualClock();
  beforeAll(async () => {
    Logger.overrideLogger(false);
    database = await openTestDatabase();
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    for (const entity of [User, Organisation, Membership]) await database.db.of(entity).clear();
  });

  const start = async (adminPassword: string | typeof askFirst | null): Promise<AccountsFixture> => {
    const fixture = new AccountsFixture(database.db, adminPassword, clock);
    await fixture.accounts.onApplicationBootstrap();
    return fixture;
  };

  it('is made with the password from the settings, and a personal organisation', async () => {
    const fixture = await start('from the settings');
    const token = await fixture.signIn('admin', 'from the settings');
    const [organisation] = await database.db.of(Organisation).find();

    expect(fixture.accounts.firstRun()).toEqual({
      username: 'admin',
      generatedPassword: null,
      source: 'environment',
    });
    expect(await fixture.bearer(token)).toMatchObject({ role: 'admin', orgId: organisation?.id });
    expect(organisation).toMatchObject({ kind: 'personal', name: 'admin' });
    expect(await fixture.accounts.setupCompleted()).toBe(true);
  });

  it('gets a password of its own where none is set, told once', async () => {
    const fixture = await start(null);
    const { generatedPassword, source } = fixture.accounts.firstRun();
    expect(source).toBe('generated');
    expect(await fixture.accounts.setupCompleted()).toBe(true);
    expect(await fixture.signIn('admin', generatedPassword?.reveal() ?? '')).toEqual(expect.any(String));
    expect(JSON.stringify(await database.db.of(User).find())).not.toContain(generatedPassword?.reveal());

    const again = await start(null);
    expect(again.accounts.firstRun()).toEqual({ username: 'admin', generatedPassword: null, source: 'kept' });
    expect(await database.db.of(User).count()).toBe(1);
  });

  it('takes a changed password from the settings, which ends earlier logins; the same one ends nothing', async () => {
    const first = await start('the first one');
    const token = await first.signIn('admin', 'the first one');
    const same = await start('the first one');
    expect(await same.bearer(token)).not.toBeNull();

    clock.advance(1);
    const changed = await start('the second one');
    expect(changed.accounts.firstRun().source).toBe('environment');
    expect(await changed.bearer(token)).toBeNull();
    expect(await changed.signIn('admin', 'the second one')).toEqual(expect.any(String));
  });

  it('is made once by two that start together', async () => {
    const both = await Promise.all([start('the password'), start('the password')]);
    expect(await database.db.of(User).count()).toBe(1);
    expect(await database.db.of(Organisation).count()).toBe(1);
    expect(await both[0].signIn('admin', 'the password')).toEqual(expect.any(String));
  });

  describe('without a password', () => {
    let fixture: AccountsFixture;
    const set = (password: string, confirmation = password) =>
      fixture.accounts.completeSetup(new Secret(password), new Secret(confirmation));

    beforeEach(async () => {
      fixture = await start(askFirst);
    });

    it('says so at every start, whatever is asked then', async () => {
      const none = { username: 'admin', generatedPassword: null, source: 'asked' };
      expect(fixture.accounts.firstRun()).toEqual(none);
      expect((await start(askFirst)).accounts.firstRun()).toEqual(none);
      expect((await start(null)).accounts.firstRun()).toEqual(none);
      await set('long enough');
      expect((await start(askFirst)).accounts.firstRun().source).toBe('kept');
    });

    it('takes one from the settings, which ends the asking', async () => {
      const configured = await start('from the settings');
      expect(configured.accounts.firstRun().source).toBe('environment');
      await expect(set('long enough')).rejects.toMatchObject({ kind: 'forbidden' });
    });

    it('lets nobody sign in', async () => {
      expect(await fixture.accounts.setupCompleted()).toBe(false);
      await expect(fixture.signIn('admin', '')).rejects.toMatchObject({ kind: 'forbidden', message: 'setup_required' });
    });

    it.each([
      ['too short', 'seven 7', 'seven 7', /8 characters/],
      ['two different ones', 'long enough', 'long enough too', /match/],
    ])('refuses %s', async (_what, password, confirmation, message) => {
      await expect(set(password, confirmation)).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringMatching(message),
      });
    });

    it('takes one, once, of two at the same time', async () => {
      const outcomes = await Promise.allSettled([set('long enough'), set('long enough')]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await expect(set('another one')).rejects.toMatchObject({ kind: 'forbidden' });
      expect(await fixture.signIn('admin', 'long enough')).toEqual(expect.any(String));
    });
  });
});
