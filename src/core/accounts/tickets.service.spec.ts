import { AccountsFixture } from '../../../test/support/accounts.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import type { Principal } from '../access/principal.js';

describe('tickets', () => {
  let database: TestDatabase;
  let fixture: AccountsFixture;
  let ada: Principal;
  beforeAll(async () => {
    database = await openTestDatabase();
    fixture = new AccountsFixture(database.db);
    await fixture.user('ada', { password: 'correct horse' });
    const who = await fixture.bearer(await fixture.signIn('ada', 'correct horse'));
    if (!who) throw new Error('not signed in');
    ada = who;
  });
  afterAll(() => database.close());

  const redeem = (ticket: string) => fixture.authenticator.authenticate({ kind: 'ticket', value: ticket }, 'trinity');

  it('stand for whoever got them, once', async () => {
    const ticket = fixture.tickets.issue(ada).reveal();
    expect(await redeem(ticket)).toEqual(ada);
    expect(await redeem(ticket)).toBeNull();
  });

  it('are redeemed by one of two at the same time', async () => {
    const ticket = fixture.tickets.issue(ada).reveal();
    const both = await Promise.all([redeem(ticket), redeem(ticket)]);
    expect(both.filter((who) => who !== null)).toHaveLength(1);
  });

  it('last 30 seconds', async () => {
    const [used, unused] = [fixture.tickets.issue(ada).reveal(), fixture.tickets.issue(ada).reveal()];
    fixture.clock.advance(30_000);
    expect(await redeem(used)).not.toBeNull();
    fixture.clock.advance(2_000);
    expect(await redeem(unused)).toBeNull();
  });

  it('work for the holder of an API key, until it is revoked', async () => {
    const bob = await fixture.caller('bob');
    expect(await redeem(fixture.tickets.issue(bob).reveal())).toEqual(bob);
    const ticket = fixture.tickets.issue(bob).reveal();
    if (bob.via.kind === 'key') await fixture.keys.revoke(bob, 'trinity', bob.via.keyId);
    expect(await redeem(ticket)).toBeNull();
  });

  it('end with the login they were made under', async () => {
    const ticket = fixture.tickets.issue(ada).reveal();
    await fixture.logins.signOut(ada);
    expect(await redeem(ticket)).toBeNull();
  });

  it('are no tokens, and tokens no tickets', async () => {
    expect(await fixture.bearer(fixture.tickets.issue(ada).reveal())).toBeNull();
    expect(await redeem(await fixture.signIn('ada', 'correct horse'))).toBeNull();
    expect(await redeem('x')).toBeNull();
  });
});
