import { connect } from 'node:net';
import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { Session } from '../../../src/core/sessions/session.entity.js';
import { SessionStreams } from '../../../src/core/sessions/session-streams.js';
import { EventStream } from '../../support/event-stream.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

describe('the stream of a conversation', () => {
  let fleet: Fleet;
  let ada: TrinityClient;
  const streams: EventStream[] = [];
  beforeAll(async () => {
    fleet = await bootFleet();
    ada = await fleet.givenUser('ada', { email: 'ada@example.com', signedIn: true });
    await fleet.givenAgent('talker', {}, ada);
  });
  afterEach(async () => {
    await Promise.all(streams.splice(0).map((stream) => stream.close()));
  });
  afterAll(() => fleet.close());

  async function open(as: TrinityClient = ada, headers: Record<string, string> = {}, query = ''): Promise<EventStream> {
    const stream = await EventStream.open(`${fleet.url}/~console/agents/talker/stream${query}`, as.token, headers);
    streams.push(stream);
    return stream;
  }
  const say = async (message: string): Promise<string> => {
    const { status, body } = await ada.post('/~console/agents/talker/messages', { message });
    expect(status).toBe(200);
    return String(body['turn_id']);
  };
  const kinds = (stream: EventStream): string[] => stream.of('event').map(({ data }) => data.kind);
  const over = (stream: EventStream, turn: string): Promise<unknown> =>
    until('the turn has ended', () =>
      stream.of('event').find(({ data }) => data.kind === 'turn_ended' && data.turn_id === turn),
    );
  const newConversation = async (): Promise<void> => {
    const { body } = await ada.get<{ sessions: { id: string }[] }>('/api/agents/talker/chat/sessions?status=active');
    for (const { id } of body.sessions) await ada.post(`/api/agents/talker/chat/sessions/${id}/close`);
  };

  it('begins before the first message, and brings what is said, done and answered, numbered without a hole', async () => {
    const stream = await open();
    await until('it says that there is none', () => stream.of('session').length === 1);
    expect(stream.of('session')[0]?.data).toEqual({ session: null, from: 0 });
    expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.headers.get('cache-control')).toBe('no-store');

    const turn = await say('go <<say one >><<write a.txt hi>><<say done>>');
    await over(stream, turn);
    expect(stream.of('event').map(({ data }) => data.seq)).toEqual(kinds(stream).map((_, index) => index + 1));
    expect(kinds(stream).filter((kind) => kind !== 'tool_update' && kind !== 'usage')).toEqual([
      'user_message',
      'turn_started',
      'agent_message',
      'tool_call',
      'agent_message',
      'turn_ended',
    ]);
    const session = stream.of('session')[1]?.data.session.id as string;
    expect(stream.of('event')[0]?.id).toBe(`${session}:1`);
  });

  it('goes on after the last event one has, and begins anew for one of another conversation', async () => {
    const first = await open();
    await over(first, await say('<<say again>>'));
    const { id = '', data } = first.of('event').at(-3) ?? {};
    const second = await open(ada, { 'last-event-id': id ?? '' });
    await until('the rest is there', () => second.of('event').length === 2);
    expect(second.of('event')[0]?.data.seq).toBe(Number(data.seq) + 1);

    const third = await open(ada, { 'last-event-id': 'another:7' });
    await until('all is there', () => third.of('event').length === first.of('event').length);
  });

  it('brings the text that is being said from its start to who comes in between, and the whole text once', async () => {
    const first = await open();
    const turn = await say('<<slow 40 50>>');
    await until('it talks', () => first.of('delta').length > 5);
    const second = await open();
    await until('the second hears', () => second.of('delta').length > 0);
    const [begin] = second.of('delta');
    expect(begin?.data.offset).toBe(0);
    expect(begin?.data.text).toMatch(/^tick 1 tick 2 /);
    await over(second, turn);
    // What came in pieces, put together by offset, is what was stored; the last pieces may be left out when that comes first.
    const stored = second.of('event').findLast(({ data }) => data.kind === 'agent_message')?.data.data;
    let text = '';
    for (const { data } of second.of('delta')) {
      if (data.message_id === stored.messageId) text = text.slice(0, data.offset) + (data.text as string);
    }
    expect(stored.text.startsWith(text)).toBe(true);
    expect(text).toMatch(/^tick 1 tick 2 .*tick 10 /);
  });

  it('follows into a new conversation, and shows an earlier one on request', async () => {
    const stream = await open();
    await until('the old one is there', () => stream.of('event').length > 0);
    const old = stream.of('session')[0]?.data.session.id as string;
    await newConversation();
    await until('there is none', () => stream.of('session').at(-1)?.data.session === null);
    await over(stream, await say('<<say fresh>>'));
    expect(stream.of('session').at(-1)?.data.session.id).not.toBe(old);

    const earlier = await open(ada, {}, `?session=${old}&follow=false`);
    await earlier.ended;
    expect(earlier.of('session')[0]?.data.session).toMatchObject({ id: old, status: 'closed' });
    expect(earlier.of('end')).toHaveLength(1);
    const other = await fleet.admin.get(`/~console/agents/talker/stream?session=no-such`);
    expect(other.status).toBe(404);
    expect((await ada.get('/~console/agents/talker/stream?follow=perhaps')).status).toBe(400);
  });

  it('stops a message that is worked on, and one that waits', async () => {
    const stream = await open();
    const running = await say('<<slow 600 100>>');
    const waiting = await say('<<say never>>');
    await until('it is worked on', () => stream.of('delta').length > 0);
    for (const id of [waiting, running]) {
      const { status, body } = await ada.post(`/~console/turns/${id}/cancel`);
      expect([status, body]).toEqual([200, { status: 'cancelling', turn_id: id }]);
    }
    for (const id of [waiting, running]) {
      await over(stream, id);
      const end = stream.of('event').find(({ data }) => data.kind === 'turn_ended' && data.turn_id === id);
      expect(end?.data.data.state).toBe('cancelled');
    }
    expect((await ada.post('/~console/turns/none/cancel')).status).toBe(404);
  });

  it('refuses empty messages, and those to an agent that does not run', async () => {
    expect((await ada.post('/~console/agents/talker/messages', { message: ' ' })).status).toBe(400);
    expect((await ada.post('/~console/agents/talker/messages', {})).status).toBe(400);
    await ada.post('/api/agents/talker/stop');
    const { status, body } = await ada.post('/~console/agents/talker/messages', { message: 'hello' });
    expect([status, body]).toEqual([503, { error: { code: 'agent_not_running', message: 'Agent is not running' } }]);
    await ada.post('/api/agents/talker/start');
  });

  it('ends when the agent is shared no more, and when somebody signs out', async () => {
    const guest = await fleet.givenUser('guest', { email: 'guest@example.com', signedIn: true });
    const { agentId } = await fleet.instanceOf('talker');
    const share = { agentId, email: 'guest@example.com', sharedById: 'x', createdAt: new Date() };
    await fleet.db.of(AgentShare).insert(share);
    const theirs = await open(guest);
    const again = await fleet.admin.signIn('ada', 'password-of-ada');
    const own = await open(again);
    await until('both hear', () => theirs.of('session').length + own.of('session').length === 2);
    await fleet.db.of(AgentShare).delete({ agentId });
    await theirs.ended;
    expect(theirs.of('end')).toHaveLength(1);
    await again.post('/api/auth/logout');
    await own.ended;
    expect(own.of('end')).toHaveLength(1);
    expect((await guest.get('/~console/agents/talker/stream')).status).toBe(404);
  });

  it('holds little in memory for a reader that does not read, who then gets all that is stored', async () => {
    const { port, hostname } = new URL(fleet.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(
      `GET /~console/agents/talker/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ada.token ?? ''}\r\n\r\n`,
    );
    socket.pause();
    const watcher = await open();
    const turn = await say('<<flood 20000>><<say over>>');
    await over(watcher, turn);
    let text = '';
    socket.on('data', (data) => (text += data.toString('utf8')));
    socket.resume();
    await until('the slow one has the end', () => text.includes(`"kind":"turn_ended","turn_id":"${turn}"`));
    socket.destroy();
    const session = await fleet.db
      .of(Session)
      .findOneByOrFail({ agentId: (await fleet.instanceOf('talker')).agentId, status: 'active' });
    const numbers = [...text.matchAll(/^id: [\w-]+:(\d+)$/gm)].map(([, seq]) => Number(seq));
    expect(numbers.at(-1)).toBe(session.eventSeq);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    // The text that was left out came as a whole, or not at all before it was stored.
    expect(fleet.app.get(SessionStreams).openText(session.id)).toBeNull();
  });
});
