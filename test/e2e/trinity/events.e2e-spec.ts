import { readFileSync } from 'node:fs';
import path from 'node:path';
import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { JsonEvent, SocketClient } from '../../support/socket-client.js';
import { TrinityClient } from '../../support/trinity-client.js';
import { number, text, time } from '../../support/trinity-shapes.js';
import { until } from '../../support/until.js';

describe('events', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  let ada: TrinityClient;
  const opened: SocketClient[] = [];
  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    ada = await fleet.givenUser('ada', { email: 'ada@example.com' });
  });
  afterAll(async () => {
    for (const socket of opened) socket.close();
    await fleet.close();
  });

  const connect = (where: string): SocketClient => {
    const socket = fleet.socket(where);
    opened.push(socket);
    return socket;
  };
  const listen = async (as?: TrinityClient, query?: string): Promise<SocketClient> => {
    const socket = await fleet.events(as, query);
    opened.push(socket);
    return socket;
  };
  const about = (name: string, type: string) => (event: JsonEvent) =>
    event['type'] === type && event['agent_name'] === name;
  const lifecycle = (type: string, name: string, data: object) => ({
    event: type,
    type,
    name,
    agent_name: name,
    data,
    timestamp: time,
    id: text,
  });

  describe('sign-in', () => {
    const pong = (socket: SocketClient): Promise<JsonEvent> => {
      socket.send({ type: 'ping' });
      return socket.event((event) => event['type'] === 'pong');
    };
    const isOpen = (socket: SocketClient): Promise<unknown> => socket.waitFor((client) => client.isOpen);
    const ticket = async (): Promise<string> => {
      const { status, body } = await admin.post('/api/ws/ticket');
      expect([status, body]).toEqual([200, { ticket: text, expires_in: 30 }]);
      return String(body['ticket']);
    };

    it('by token', async () => {
      const socket = connect(`/ws?token=${admin.token ?? ''}`);
      await isOpen(socket);
      expect(await pong(socket)).toEqual({ type: 'pong' });
    });

    it('by a ticket, once', async () => {
      const once = await ticket();
      const socket = connect(`/ws?ticket=${once}`);
      await isOpen(socket);
      expect(await pong(socket)).toEqual({ type: 'pong' });
      const again = connect(`/ws?ticket=${once}`);
      expect((await again.waitFor(({ closed }) => closed)).code).toBe(4001);
    });

    it('by the first message', async () => {
      const socket = connect('/ws');
      await isOpen(socket);
      socket.send(`Bearer ${admin.token ?? ''}`);
      socket.send({ type: 'ping' });
      await socket.waitFor(({ messages }) => messages.length === 2);
      expect(socket.events).toEqual([{ type: 'authenticated', user: 'admin' }, { type: 'pong' }]);
    });

    it.each([
      ['a bad token', '/ws?token=nonsense', null],
      ['a bad ticket', '/ws?ticket=nonsense', null],
      ['a bad first message', '/ws', 'hello'],
      ['a bad token in the first message', '/ws', 'Bearer nonsense'],
    ])('fails with 4001 for %s, and nothing is told', async (_what, where, first) => {
      const socket = connect(where);
      await socket.waitFor((client) => client.isOpen || client.closed);
      if (first !== null) socket.send(first);
      expect((await socket.waitFor(({ closed }) => closed)).code).toBe(4001);
      expect(socket.messages).toEqual([]);
    });

    it('ignores whatever else is said', async () => {
      const socket = await listen();
      for (const said of ['nonsense', '[]', 'null', '{"type":"pong"}', '5']) socket.send(said);
      socket.send({ type: 'ping' });
      await socket.waitFor(({ events }) => events.filter((event) => event['type'] === 'pong').length === 2);
      expect(socket.messages).toHaveLength(2);
    });

    it('ends with the sign-out', async () => {
      const other = await new TrinityClient(fleet.url).signIn('admin', fleet.config.adminPassword?.reveal() ?? '');
      const socket = await listen(other);
      await other.post('/api/auth/logout');
      expect((await socket.waitFor(({ closed }) => closed)).code).toBe(4001);
    });
  });

  describe('of an agent', () => {
    let socket: SocketClient;
    beforeAll(async () => {
      socket = await listen();
    });

    it('tell that it was created and started', async () => {
      const made = await fleet.givenAgent('told');
      const { name, type, status, port, created, resources, container_id } = made;
      const data = { name, type, status, port, created, resources, container_id };
      expect(await socket.event(about('told', 'agent_created'))).toEqual(lifecycle('agent_created', 'told', data));
      expect(await socket.event(about('told', 'agent_started'))).toEqual(
        lifecycle('agent_started', 'told', {
          name: 'told',
          credentials_injection: 'skipped',
          credentials_result: { status: 'skipped', reason: 'no_credentials_enc_file' },
          trinity_injection: 'skipped',
        }),
      );
    });

    it('tell what it does', async () => {
      await fleet.chat('told', '<<bash true>>');
      const ended = await socket.event(
        (event) =>
          about('told', 'agent_activity')(event) &&
          event['activity_type'] === 'chat_start' &&
          event['activity_state'] === 'completed',
      );
      const told = socket.events.filter(about('told', 'agent_activity'));
      const line = (activity_type: string, activity_state: string) => ({
        type: 'agent_activity',
        agent_name: 'told',
        activity_id: text,
        activity_type,
        activity_state,
        action: activity_state,
        timestamp: time,
        details: expect.any(Object),
        error: null,
        id: text,
      });
      expect(ended).toEqual(line('chat_start', 'completed'));
      expect(told).toEqual([
        line('chat_start', 'started'),
        line('tool_call', 'started'),
        line('tool_call', 'completed'),
        line('chat_start', 'completed'),
      ]);
    });

    it('tell that it was stopped and renamed', async () => {
      await admin.post('/api/agents/told/stop');
      expect(await socket.event(about('told', 'agent_stopped'))).toEqual(
        lifecycle('agent_stopped', 'told', { name: 'told' }),
      );
      await admin.put('/api/agents/told/rename', { new_name: 'retold' });
      expect(await socket.event(about('retold', 'agent_renamed'))).toEqual(
        lifecycle('agent_renamed', 'retold', { old_name: 'told', new_name: 'retold' }),
      );
    });

    it('tell that its main process died, and that it is back', async () => {
      await admin.post('/api/agents/retold/start');
      const before = socket.messages.length;
      const since = (matches: (event: JsonEvent) => boolean): Promise<JsonEvent> =>
        socket.waitFor((client) => client.events.slice(before).find(matches));
      process.kill(await mainProcess('retold'), 'SIGKILL');
      const gone = (event: JsonEvent): boolean =>
        about('retold', 'agent_status')(event) && event['status'] !== 'running';
      expect(await since(gone)).toEqual({
        type: 'agent_status',
        agent_name: 'retold',
        status: text,
        reason: text,
        timestamp: time,
        id: text,
      });
      await since((event) => about('retold', 'agent_status')(event) && event['status'] === 'running');
      await fleet.untilStatus('retold', 'running');
    });

    it('tell that it was stopped from outside, and it rests', async () => {
      const { ref } = await fleet.instanceOf('retold');
      const before = socket.messages.length;
      await fleet.engine.stop(ref ?? '', 5);
      await socket.waitFor((client) => client.events.slice(before).find(about('retold', 'agent_stopped')));
      const { status_reason: reason } = await fleet.untilStatus('retold', 'stopped');
      expect(reason).toEqual(text);
    });

    it('tell that it was deleted', async () => {
      await admin.delete('/api/agents/retold');
      expect(await socket.event(about('retold', 'agent_deleted'))).toEqual(
        lifecycle('agent_deleted', 'retold', { name: 'retold' }),
      );
    });

    it('come in order, each with an id above the one before', () => {
      const ids = socket.events.filter((event) => 'id' in event).map((event) => Number(event['id']));
      expect(ids).toEqual([...ids].sort((a, b) => a - b));
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.length).toBeGreaterThan(10);
    });
  });

  it('are told to those only who may see the agent', async () => {
    const [hers, his, stranger] = [await listen(ada), await listen(), await listen(await fleet.givenUser('eve'))];
    await fleet.givenAgent('secret');
    await fleet.givenAgent('hers', {}, ada);
    await hers.event(about('hers', 'agent_created'));
    await his.event(about('hers', 'agent_created'));
    const { agentId } = await fleet.instanceOf('secret');
    const share = { agentId, email: 'ada@example.com', sharedById: 'x', createdAt: new Date() };
    expect(hers.events.some((event) => event['agent_name'] === 'secret')).toBe(false);
    await fleet.db.run(async (tx) => {
      await tx.of(AgentShare).insert(share);
      await tx.emit({ type: 'agent.shared', orgId: 'x', agentId, data: {} });
    });
    await admin.post('/api/agents/secret/stop');
    await hers.event(about('secret', 'agent_stopped'));
    await admin.delete('/api/agents/secret');
    await hers.event(about('secret', 'agent_deleted'));
    await ada.delete('/api/agents/hers');
    await his.event(about('hers', 'agent_deleted'));
    stranger.send({ type: 'ping' });
    await stranger.waitFor(({ events }) => events.length === 2);
    expect(stranger.events).toEqual([{ type: 'pong' }, { type: 'pong' }]);
  });

  describe('missed', () => {
    let last: string;
    beforeAll(async () => {
      const socket = await listen();
      await fleet.givenAgent('missed');
      last = String((await socket.event(about('missed', 'agent_started')))['id']);
      socket.close();
      await admin.post('/api/agents/missed/stop');
    });

    it('are told again from a known one on, then live ones', async () => {
      const socket = await listen(admin, `last-event-id=${last}`);
      await socket.event(about('missed', 'agent_stopped'));
      await admin.post('/api/agents/missed/start');
      await socket.event(about('missed', 'agent_started'));
      const ids = socket.events.flatMap((event) => ('id' in event ? [Number(event['id'])] : []));
      expect(Math.min(...ids)).toBeGreaterThan(Number(last));
      expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    });

    it('are told again after a restart of the server', async () => {
      await fleet.close({ keep: true });
      fleet = await bootFleet({ dataDir: fleet.dataDir });
      admin = fleet.admin;
      const socket = await listen(admin, `last-event-id=${last}`);
      await socket.event(about('missed', 'agent_stopped'));
    });

    it('are not told to others', async () => {
      const socket = await listen(await fleet.givenUser('late'), 'last-event-id=0');
      socket.send({ type: 'ping' });
      await socket.waitFor(({ events }) => events.filter((event) => event['type'] === 'pong').length === 2);
      expect(socket.events.filter((event) => event['type'] !== 'pong')).toEqual([]);
    });

    it.each(['nonsense', '-1', '999999999', '99999999999999999999'])('need a fresh look after %s', async (id) => {
      const socket = await listen(admin, `last-event-id=${id}`);
      await socket.event((event) => event['type'] === 'resync_required');
      expect(socket.events.find((event) => event['type'] === 'resync_required')).toEqual({ type: 'resync_required' });
    });
  });

  /** The entry script of an agent: the child of the process that the local engine started. */
  async function mainProcess(name: string): Promise<number> {
    const { id } = await fleet.instanceOf(name);
    const state = JSON.parse(readFileSync(path.join(fleet.dataDir, 'local', id, 'state.json'), 'utf8')) as {
      run: { pid: number };
    };
    expect(state.run.pid).toEqual(number);
    return until('the entry script runs', () => {
      const { pid } = state.run;
      return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
    });
  }
});
