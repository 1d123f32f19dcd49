import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { JsonEvent, SocketClient } from '../../support/socket-client.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { text } from '../../support/trinity-shapes.js';

describe('events for programs with a key', () => {
  let fleet: Fleet;
  let ada: TrinityClient;
  let bob: TrinityClient;
  const opened: SocketClient[] = [];
  beforeAll(async () => {
    fleet = await bootFleet();
    ada = await fleet.givenUser('ada', { email: 'ada@example.com' });
    bob = await fleet.givenUser('bob', { email: 'bob@example.com' });
    await fleet.givenAgent('zeta', {}, ada);
    await fleet.givenAgent('alpha', {}, ada);
    await fleet.givenAgent('other');
  });
  afterAll(async () => {
    for (const socket of opened) socket.close();
    await fleet.close();
  });

  const connect = (token: string | null, query = ''): SocketClient => {
    const socket = fleet.socket(`/ws/events?token=${token ?? ''}${query && `&${query}`}`);
    opened.push(socket);
    return socket;
  };
  const typed = (type: string) => (event: JsonEvent) => event['type'] === type;
  /** Said as they are: `pong` is no JSON. */
  const eventsOf = ({ messages }: SocketClient): JsonEvent[] =>
    messages.filter((said) => said.startsWith('{')).map((said) => JSON.parse(said) as JsonEvent);
  const heard = (socket: SocketClient, type: string): Promise<JsonEvent> =>
    socket.waitFor((one) => eventsOf(one).find(typed(type)));
  const refreshed = async (socket: SocketClient): Promise<JsonEvent | undefined> => {
    const before = eventsOf(socket).filter(typed('refreshed')).length;
    socket.send('refresh');
    await socket.waitFor((one) => eventsOf(one).filter(typed('refreshed')).length > before);
    return eventsOf(socket).filter(typed('refreshed')).at(-1);
  };
  const fence = async (socket: SocketClient): Promise<void> => {
    const before = socket.messages.filter((said) => said === 'pong').length;
    socket.send('ping');
    await socket.waitFor(({ messages }) => messages.filter((said) => said === 'pong').length > before);
  };

  it('begin with who listens and which agents it is about', async () => {
    const socket = connect(ada.token);
    await socket.waitFor(({ messages }) => messages[0]);
    expect(eventsOf(socket)[0]).toEqual({
      type: 'connected',
      user: 'ada',
      accessible_agents: ['alpha', 'zeta'],
      message: text,
    });
    await fence(socket);
    expect(socket.messages.slice(1)).toEqual(['pong']);
  });

  it.each([
    ['no key', () => null],
    ['a made-up key', () => `trinity_mcp_${'A'.repeat(43)}`],
    ['a login instead of a key', () => fleet.admin.token],
  ])('close with 4001 for %s, and nothing is told', async (_what, token) => {
    const socket = connect(token());
    expect((await socket.waitFor(({ closed }) => closed)).code).toBe(4001);
    expect(socket.messages).toEqual([]);
  });

  it('are those of the agents one may see, and follow what is shared', async () => {
    const [hers, his] = [connect(ada.token), connect(bob.token)];
    await Promise.all([heard(hers, 'connected'), heard(his, 'connected')]);
    expect(eventsOf(his)[0]).toMatchObject({ user: 'bob', accessible_agents: [] });
    await ada.post('/api/agents/zeta/share', { email: 'bob@example.com' });
    expect(await heard(his, 'agent_shared')).toMatchObject({ name: 'zeta' });
    expect(await refreshed(his)).toEqual({ type: 'refreshed', accessible_agents: ['zeta'] });
    await ada.post('/api/agents/zeta/stop');
    expect(await heard(his, 'agent_stopped')).toMatchObject({ event: 'agent_stopped', name: 'zeta' });

    await ada.delete('/api/agents/zeta/share/bob%40example.com');
    await heard(his, 'agent_unshared');
    const before = his.messages.length;
    await ada.post('/api/agents/zeta/start');
    await heard(hers, 'agent_started');
    await fence(his);
    expect(his.messages.slice(before)).toEqual(['pong']);
    expect(await refreshed(his)).toEqual({ type: 'refreshed', accessible_agents: [] });
  });

  it('are told again from a known one on, or ask for a fresh look', async () => {
    const first = connect(ada.token);
    await heard(first, 'connected');
    await ada.post('/api/agents/alpha/stop');
    const { id } = await heard(first, 'agent_stopped');
    first.close();
    await ada.post('/api/agents/alpha/start');

    const again = connect(ada.token, `last-event-id=${String(id)}`);
    expect(await heard(again, 'agent_started')).toMatchObject({ name: 'alpha' });
    expect(eventsOf(again)[0]).toMatchObject({ type: 'connected' });
    expect(eventsOf(again).filter(typed('agent_stopped'))).toEqual([]);

    const lost = connect(ada.token, 'last-event-id=nonsense');
    await heard(lost, 'resync_required');
    expect(eventsOf(lost).map((event) => event['type'])).toEqual(['connected', 'resync_required']);
  });

  it('end with the key', async () => {
    const made = await fleet.admin.post('/api/mcp/keys', { name: 'passing' });
    const socket = connect(String(made.body['api_key']));
    await heard(socket, 'connected');
    expect(eventsOf(socket)[0]).toMatchObject({ user: 'admin', accessible_agents: ['alpha', 'other', 'zeta'] });
    await fleet.admin.post(`/api/mcp/keys/${String(made.body['id'])}/revoke`);
    expect((await socket.waitFor(({ closed }) => closed)).code).toBe(4001);
  });
});
