import { randomBytes } from 'node:crypto';
import { hasPostgres, postgresWorld, type PostgresWorld } from '../../chaos/rig/postgres-world.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { TrinityClient } from '../../support/trinity-client.js';

const describeBoth = hasPostgres ? describe : describe.skip;

describeBoth('sharing with two servers on one database', () => {
  let database: PostgresWorld;
  let here: Fleet;
  let there: Fleet;
  beforeAll(async () => {
    database = await postgresWorld();
    const env = { DATABASE_URL: database.url, FLOTILLA_MASTER_KEY: randomBytes(32).toString('hex') };
    here = await bootFleet({ env });
    there = await bootFleet({ env });
    await here.givenAgent('both');
  }, 120_000);
  afterAll(async () => {
    await here.admin.delete('/api/agents/both');
    await there.close();
    await here.close();
    await database.close();
  }, 60_000);

  it('a share that is taken back on one ends access on the other, on its open sockets too', async () => {
    const bob = await here.givenUser('bob', { email: 'bob@example.com' });
    const bobThere = new TrinityClient(there.url, bob.token);
    await here.admin.post('/api/agents/both/share', { email: 'bob@example.com' });
    expect((await bobThere.get('/api/agents/both')).status).toBe(200);

    const [his, watcher] = [await there.events(bob), await there.events(there.admin)];
    const count = (name: string): number =>
      watcher.events.filter((event) => event['type'] === 'agent_activity' && event['agent_name'] === name).length;
    await here.chat('both', '<<say heard>>');
    await his.event((event) => event['type'] === 'agent_activity');

    await here.admin.delete('/api/agents/both/share/bob%40example.com');
    expect((await bobThere.get('/api/agents/both')).status).toBe(403);
    await his.event((event) => event['type'] === 'agent_unshared');
    const heard = his.events.length;
    const before = count('both');
    await here.chat('both', '<<say not heard>>');
    await watcher.waitFor(() => count('both') >= before + 2);
    his.send({ type: 'ping' });
    await his.waitFor((one) => one.events.length > heard);
    expect(his.events.slice(heard)).toEqual([{ type: 'pong' }]);
    for (const socket of [his, watcher]) socket.close();
  });

  it('limits on codes and codes themselves hold on both', async () => {
    await here.admin.post('/api/settings/email-whitelist', { email: 'ada@example.com' });
    const anyone = new TrinityClient(here.url);
    await anyone.post('/api/auth/email/request', { email: 'ada@example.com' });
    const code = await Promise.any([here.outbox.codeFor('ada@example.com'), there.outbox.codeFor('ada@example.com')]);
    const wrong = code === '000000' ? '000001' : '000000';
    for (const fleet of [here, there, here, there]) {
      const tried = await new TrinityClient(fleet.url).post('/api/auth/email/verify', {
        email: 'ada@example.com',
        code: wrong,
      });
      expect(tried.status).toBe(401);
    }
    const elsewhere = new TrinityClient(there.url);
    const { status, body } = await elsewhere.post('/api/auth/email/verify', { email: 'ada@example.com', code });
    expect(status).toBe(200);
    expect((await anyone.as(String(body['access_token'])).get('/api/users/me')).status).toBe(200);
  });
});
