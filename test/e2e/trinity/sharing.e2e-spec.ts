import { AuditEntry } from '../../../src/core/audit/audit.entity.js';
import { User } from '../../../src/core/accounts/user.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { JsonEvent, SocketClient } from '../../support/socket-client.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { number, text, time } from '../../support/trinity-shapes.js';

describe('sharing', () => {
  let fleet: Fleet;
  let ada: TrinityClient;
  let bob: TrinityClient;
  let carl: TrinityClient;
  const opened: SocketClient[] = [];
  beforeAll(async () => {
    fleet = await bootFleet();
    ada = await fleet.givenUser('ada', { email: 'ada@example.com' });
    bob = await fleet.givenUser('bob', { email: 'bob@example.com' });
    carl = await fleet.givenUser('carl', { email: 'carl@example.com' });
    await fleet.givenAgent('hers', {}, ada);
  });
  afterAll(async () => {
    for (const socket of opened) socket.close();
    await fleet.close();
  });

  const listen = async (as: TrinityClient, query?: string): Promise<SocketClient> => {
    const socket = await fleet.events(as, query);
    opened.push(socket);
    return socket;
  };
  const typed = (type: string) => (event: JsonEvent) => event['type'] === type;
  const share = (email: string, as = ada) => as.post('/api/agents/hers/share', { email });
  const unshare = (email: string, as = ada) => as.delete(`/api/agents/hers/share/${encodeURIComponent(email)}`);
  const shown = (email: string) => ({
    id: number,
    agent_name: 'hers',
    shared_with_email: email,
    shared_by_id: number,
    shared_by_email: 'ada@example.com',
    created_at: time,
  });
  /** Everything that was sent to a socket before now has arrived. */
  const fence = async (socket: SocketClient): Promise<void> => {
    const before = socket.events.filter(typed('pong')).length;
    socket.send({ type: 'ping' });
    await socket.waitFor((one) => one.events.filter(typed('pong')).length > before);
  };

  it('gives access from the next request on, and takes it on the next', async () => {
    expect((await bob.get('/api/agents/hers')).status).toBe(403);
    expect((await bob.get<object[]>('/api/agents')).body).toEqual([]);

    const given = await share(' Bob@Example.COM ');
    expect([given.status, given.body]).toEqual([200, shown('bob@example.com')]);
    const seen = await bob.get('/api/agents/hers');
    expect([seen.status, seen.body]).toMatchObject([
      200,
      { is_shared: true, is_owner: false, owner: 'ada', can_share: false, can_delete: false, shares: [] },
    ]);
    expect((await bob.get<object[]>('/api/agents')).body).toMatchObject([{ name: 'hers', is_shared: true }]);
    expect((await ada.get('/api/agents/hers')).body).toMatchObject({
      can_share: true,
      can_delete: true,
      is_shared: false,
      shares: [shown('bob@example.com')],
    });

    const taken = await unshare('BOB@example.com');
    expect([taken.status, taken.body]).toEqual([200, { message: 'Sharing removed for BOB@example.com' }]);
    expect((await bob.get('/api/agents/hers')).status).toBe(403);
    expect((await bob.get<object[]>('/api/agents')).body).toEqual([]);
    expect((await ada.get('/api/agents/hers')).body).toMatchObject({ shares: [] });
  });

  it('lists the newest first, for owner and administrators only', async () => {
    for (const email of ['one@example.com', 'bob@example.com', 'two@example.com']) await share(email);
    const { status, body } = await ada.get<{ shared_with_email: string }[]>('/api/agents/hers/shares');
    expect(status).toBe(200);
    expect(body).toEqual(['two@example.com', 'bob@example.com', 'one@example.com'].map(shown));
    expect((await fleet.admin.get('/api/agents/hers/shares')).body).toEqual(body);
    expect((await bob.get('/api/agents/hers/shares')).status).toBe(403);
    for (const email of ['one@example.com', 'two@example.com']) await unshare(email);
  });

  it.each([
    ['her own address', 'ADA@example.com', 400, 'yourself'],
    ['an address twice', 'bob@example.com', 409, 'already shared with bob@example.com'],
    ['no address', 'bob', 400, 'not an e-mail address'],
    ['several addresses', 'x@example.com,y@example.com', 400, 'not an e-mail address'],
    ['a name with its address', 'X <x@example.com>', 400, 'not an e-mail address'],
    ['two lines', 'x@example.com\r\nBcc: y@example.com', 400, 'not an e-mail address'],
    ['nothing', '', 400, 'not an e-mail address'],
    ['too much', `${'x'.repeat(60)}@${'y'.repeat(200)}.com`, 400, 'not an e-mail address'],
  ])('with %s is refused', async (_what, email, expected, says) => {
    const { status, body } = await share(email);
    expect([status, body]).toEqual([expected, { detail: expect.stringContaining(says) }]);
  });

  it('with its owner is refused to an administrator too', async () => {
    const { status, body } = await share('ada@example.com', fleet.admin);
    expect([status, body]).toEqual([400, { detail: expect.stringContaining('belongs to') }]);
  });

  it('is taken back once', async () => {
    await share('once@example.com');
    const answers = await Promise.all([unshare('once@example.com'), unshare('once@example.com')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
    const { status, body } = await unshare('nobody');
    expect([status, body]).toEqual([404, { detail: 'No sharing found for nobody' }]);
  });

  it('of two at once, one is told that it exists', async () => {
    const answers = await Promise.all([share('race@example.com'), share('race@example.com')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    await unshare('race@example.com');
  });

  it("lets them operate the agent, and nothing of what is the owner's", async () => {
    for (const path of ['', '/info', '/files', '/logs', '/chat/history/persistent', '/activities']) {
      expect({ path, status: (await bob.get(`/api/agents/hers${path}`)).status }).toEqual({ path, status: 200 });
    }
    expect((await fleet.chat('hers', '<<say hello>>', bob)).body).toMatchObject({ response: 'hello' });
    expect((await bob.post('/api/agents/hers/stop')).status).toBe(200);
    expect((await bob.post('/api/agents/hers/start')).status).toBe(200);
    const refused = [
      await bob.delete('/api/agents/hers'),
      await bob.put('/api/agents/hers/rename', { new_name: 'his' }),
      await share('carl@example.com', bob),
      await unshare('bob@example.com', bob),
      await bob.delete('/api/agents/hers/chat/history'),
    ];
    expect(refused.map(({ status, body }) => [status, body])).toEqual(
      refused.map(() => [403, { detail: 'Owner access required' }]),
    );
  });

  it('is announced to the owner, administrators and the one it is about', async () => {
    const [hers, his, other, admins] = [
      await listen(ada),
      await listen(carl),
      await listen(bob),
      await listen(fleet.admin),
    ];
    await share('carl@example.com');
    const shared = {
      event: 'agent_shared',
      type: 'agent_shared',
      name: 'hers',
      agent_name: 'hers',
      data: { name: 'hers', shared_with: 'carl@example.com' },
      timestamp: time,
      id: text,
    };
    for (const socket of [hers, his, admins]) expect(await socket.event(typed('agent_shared'))).toEqual(shared);

    await fleet.chat('hers', '<<say carl hears>>');
    await his.event(typed('agent_activity'));
    await unshare('carl@example.com');
    const unshared = {
      ...shared,
      event: 'agent_unshared',
      type: 'agent_unshared',
      data: { name: 'hers', removed_user: 'carl@example.com' },
    };
    for (const socket of [hers, his, admins]) expect(await socket.event(typed('agent_unshared'))).toEqual(unshared);

    // From here on his open socket is silent, although it stays open.
    const heard = his.events.length;
    await fleet.chat('hers', '<<say carl hears no more>>');
    await hers.waitFor((one) => one.events.filter(typed('agent_activity')).length >= 4);
    await fence(his);
    expect(his.events.slice(heard)).toEqual([{ type: 'pong' }]);
    expect(his.closed).toBeNull();
    // Somebody else it is shared with hears what it does, but not with whom else it is shared.
    expect(other.events.some(typed('agent_activity'))).toBe(true);
    expect(other.events.filter((event) => String(event['type']).endsWith('shared'))).toEqual([]);
  });

  it('replays to somebody who lost access nothing of what happened, only that they lost it', async () => {
    const late = await listen(carl, 'last-event-id=0');
    await late.event(typed('agent_unshared'));
    await fence(late);
    const types = new Set(late.events.map((event) => event['type']));
    expect([...types].sort()).toEqual(['agent_shared', 'agent_unshared', 'pong']);
  });

  it('moves along with a rename and ends with the agent', async () => {
    await fleet.givenAgent('moving', {}, ada);
    await ada.post('/api/agents/moving/share', { email: 'bob@example.com' });
    await ada.put('/api/agents/moving/rename', { new_name: 'moved' });
    expect((await bob.get('/api/agents/moved')).status).toBe(200);
    expect((await ada.get('/api/agents/moved/shares')).body).toMatchObject([{ agent_name: 'moved' }]);
    await ada.delete('/api/agents/moved');
    await fleet.givenAgent('moved', {}, ada);
    expect((await bob.get('/api/agents/moved')).status).toBe(403);
    expect((await ada.get('/api/agents/moved/shares')).body).toEqual([]);
  });

  it('is written down: who, which agent, with whom', async () => {
    const { agentId } = await fleet.instanceOf('hers');
    const { id } = await fleet.db.of(User).findOneByOrFail({ username: 'ada' });
    const entries = await fleet.db.of(AuditEntry).findBy({ object: `agent:${agentId}`, principal: id });
    const carls = entries.filter(({ data }) => data['email'] === 'carl@example.com').map(({ action }) => action);
    expect(carls).toEqual(['agent.shared', 'agent.unshared']);
  });

  describe('with an address that somebody merely claims', () => {
    it('gives them nothing', async () => {
      const eve = await fleet.givenUser('eve', { email: 'eve@example.com' });
      await share('eve@example.com');
      expect((await eve.get('/api/agents/hers')).status).toBe(200);
      await share('victim@example.com');
      const claimed = await eve.put('/api/users/me/email', { email: 'victim@example.com' });
      expect([claimed.status, claimed.body]).toEqual([200, { success: true, email: 'victim@example.com' }]);
      expect((await eve.get('/api/agents/hers')).status).toBe(403);
      expect((await eve.get<object[]>('/api/agents')).body).toEqual([]);
      const socket = await listen(eve, 'last-event-id=0');
      await fence(socket);
      expect(new Set(socket.events.map((event) => event['type']))).toEqual(new Set(['pong']));
      // Typing the proven address again does not bring it back.
      await eve.put('/api/users/me/email', { email: 'eve@example.com' });
      expect((await eve.get('/api/agents/hers')).status).toBe(403);
    });

    it('keeps what is proven when it is set to the same again', async () => {
      await bob.put('/api/users/me/email', { email: 'BOB@example.com' });
      expect((await bob.get('/api/agents/hers')).status).toBe(200);
    });
  });

  it('survives a restart of the server', async () => {
    await fleet.close({ keep: true });
    fleet = await bootFleet({ dataDir: fleet.dataDir, env: { TRINITY_WS_ANONYMOUS: 'true' } });
    expect((await fleet.admin.as(bob.token).get('/api/agents/hers')).status).toBe(200);
    expect((await fleet.admin.as(carl.token).get('/api/agents/hers')).status).toBe(403);
  });

  it('is told to nobody who is not signed in, even where anonymous sockets are allowed', async () => {
    const nobody = fleet.socket('/ws');
    opened.push(nobody);
    await nobody.waitFor(({ isOpen }) => isOpen);
    const owner = fleet.admin.as(ada.token);
    await owner.post('/api/agents/hers/share', { email: 'hush@example.com' });
    await owner.delete('/api/agents/hers/share/hush%40example.com');
    await owner.post('/api/agents/hers/stop');
    await nobody.event(typed('agent_stopped'));
    expect(nobody.messages.join()).not.toContain('@example.com');
  });
});
