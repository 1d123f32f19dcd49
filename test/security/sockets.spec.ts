import { Agent } from '../../src/core/agents/agent.entity.js';
import { AgentShare } from '../../src/core/agents/agent-share.entity.js';
import { ApiKey } from '../../src/core/accounts/api-key.entity.js';
import { User } from '../../src/core/accounts/user.entity.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import type { SocketClient } from '../support/socket-client.js';
import { type Role, roles } from './expected/words.js';
import { addressOf, assembleCast, type Cast } from './support/cast.js';
import { newThing, place, type Thing } from './support/things.js';

const own = newThing('socket-own');
const foreign = newThing('socket-foreign');
/** Who hears of which agent; everybody else hears nothing. */
const audience: Readonly<Partial<Record<Role, readonly Thing[]>>> = {
  shared: [own],
  owner: [own],
  owner_key: [own],
  agent_key: [own],
  admin: [own, foreign],
};
const admitted: readonly Role[] = ['stranger', 'colleague', ...(Object.keys(audience) as Role[])];
const total = Number(process.env.FLOTILLA_SOCKET_EVENTS ?? 1000);

describe('S10: sockets', () => {
  let fleet: Fleet;
  let cast: Cast;
  beforeAll(async () => {
    fleet = await bootFleet();
    cast = await assembleCast(fleet, own.agentId);
    await place(fleet.db, own, cast.user('owner'), addressOf('shared'));
    await place(fleet.db, foreign, cast.user('outsider'), null);
  }, 180_000);
  afterAll(() => fleet.close());

  const open = async (token: string): Promise<SocketClient> => {
    const socket = fleet.socket(`/ws?token=${token}`);
    socket.socket.once('open', () => socket.send({ type: 'ping' }));
    await socket.event((event) => event['type'] === 'pong');
    return socket;
  };
  const emit = (about: readonly Thing[]): Promise<void> =>
    fleet.db.run(async (tx) => {
      for (const { agentId } of about) {
        await tx.emit({ type: 'agent.stopped', orgId: 'any', agentId, data: { instanceId: 'any' } });
      }
    });
  const heard = (socket: SocketClient): string[] =>
    socket.events.filter((event) => event['type'] === 'agent_stopped').map((event) => String(event['name']));
  /** Everybody hears of this one: it tells that all before it has been sent. */
  const fence = async (sockets: readonly SocketClient[]): Promise<void> => {
    await Promise.all(
      sockets.map(async (socket) => {
        const before = socket.events.filter((event) => event['type'] === 'pong').length;
        socket.send({ type: 'ping' });
        await socket.waitFor((one) => one.events.filter((event) => event['type'] === 'pong').length > before);
      }),
    );
  };

  it.each(roles.filter((role) => !admitted.includes(role)))('%s is not let in, and hears nothing', async (role) => {
    const token = cast.tokenOf(role);
    const socket = fleet.socket(token === undefined ? '/ws' : `/ws?token=${token}`);
    socket.socket.once('open', () => socket.send('hello?'));
    await emit([own]);
    expect(await socket.waitFor((one) => one.closed)).toMatchObject({ code: 4001 });
    expect(socket.messages).toEqual([]);
  });

  it('before somebody says who they are, nothing is said to them', async () => {
    const [quiet, listener] = [fleet.socket('/ws'), await open(cast.login('admin'))];
    await quiet.waitFor((one) => one.isOpen);
    await emit([own]);
    await listener.waitFor((one) => heard(one).length > 0);
    expect(quiet.messages).toEqual([]);
    quiet.send(`Bearer ${cast.login('owner')}x`);
    expect(await quiet.waitFor((one) => one.closed)).toMatchObject({ code: 4001 });
    expect(quiet.messages).toEqual([]);
    listener.close();
  });

  it.each(['http://evil.example', 'null', 'https://127.0.0.1', 'http://127.0.0.1.evil.example', 'file://'])(
    'a page of %s gets no socket',
    async (origin) => {
      const socket = fleet.socket(`/ws?token=${cast.login('owner')}`, { headers: { origin } });
      const { status, body } = await socket.waitFor((one) => one.refused);
      expect(status).toBe(403);
      expect(body).not.toContain(origin);
    },
  );

  it(`${total} events on random agents reach those who may see the agent, nobody else`, async () => {
    const listeners = new Map<Role, SocketClient>();
    for (const role of admitted) listeners.set(role, await open(cast.tokenOf(role) ?? ''));
    const all = Array.from({ length: total }, (_, index) => ((index * 7919) % 3 === 0 ? foreign : own));
    for (let at = 0; at < total; at += 100) await emit(all.slice(at, at + 100));
    const admin = listeners.get('admin');
    if (!admin) throw new Error('no admin');
    await admin.waitFor((one) => heard(one).length >= total, 30_000);
    for (const role of Object.keys(audience) as Role[]) {
      const expected = all.filter((thing) => audience[role]?.includes(thing)).length;
      await listeners.get(role)?.waitFor((one) => heard(one).length >= expected, 30_000);
    }
    await fence([...listeners.values()]);
    const counted = Object.fromEntries([...listeners].map(([role, socket]) => [role, tally(heard(socket))]));
    expect(counted).toEqual(
      Object.fromEntries(
        admitted.map((role) => [
          role,
          tally(all.filter((thing) => audience[role]?.includes(thing)).map(({ slug }) => slug)),
        ]),
      ),
    );
    for (const socket of listeners.values()) socket.close();
  });

  it('a replay shows no more than the live stream', async () => {
    const [seen, stranger] = [
      await open(cast.login('admin')),
      fleet.socket(`/ws?token=${cast.login('stranger')}&last-event-id=1`),
    ];
    stranger.socket.once('open', () => stranger.send({ type: 'ping' }));
    await stranger.event((event) => event['type'] === 'pong');
    await emit([own]);
    await seen.waitFor((one) => heard(one).length > 0);
    await fence([stranger]);
    expect(heard(stranger)).toEqual([]);
    seen.close();
    stranger.close();
  });

  it('what is taken away is gone from open sockets too', async () => {
    const [guest, watcher] = [await open(cast.login('shared')), await open(cast.login('admin'))];
    await emit([own]);
    await guest.waitFor((one) => heard(one).length === 1);
    await fleet.db.run(async (tx) => {
      await tx.of(AgentShare).delete({ agentId: own.agentId });
      await tx.emit({ type: 'agent.unshared', orgId: 'any', agentId: own.agentId, data: {} });
    });
    await emit([own]);
    await watcher.waitFor((one) => heard(one).length === 2);
    await fence([guest]);
    expect(heard(guest)).toHaveLength(1);
    guest.close();
    watcher.close();
  });

  it('an account that is suspended, a key that is revoked and a login that ends close their sockets', async () => {
    const key = await cast.keyOf('owner');
    const login = cast.login('owner');
    const sockets = [await open(key.value.reveal()), await open(login), await open(cast.login('colleague'))] as const;
    await fleet.db.of(ApiKey).update({ id: key.key.id }, { revokedAt: new Date() });
    await fleet.request('POST', '/api/auth/logout', { token: login });
    await fleet.db.of(User).update({ id: cast.user('colleague').id }, { suspendedAt: new Date() });
    for (const socket of sockets) expect(await socket.waitFor((one) => one.closed)).toMatchObject({ code: 4001 });
  });

  it("an agent's key loses its socket with the agent", async () => {
    const socket = await open(cast.tokenOf('agent_key') ?? '');
    await fleet.db.of(Agent).delete({ id: own.agentId });
    expect(await socket.waitFor((one) => one.closed)).toMatchObject({ code: 4001 });
  });
});

const tally = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};
