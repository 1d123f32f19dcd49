import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { number, text, time } from '../../support/trinity-shapes.js';

const path = '/api/agents/talker';

describe('conversations', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  let guest: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    await fleet.givenAgent('talker');
    await fleet.givenAgent('asker');
    guest = await fleet.givenUser('guest', { email: 'guest@example.com' });
    const { agentId } = await fleet.instanceOf('talker');
    const share = { agentId, email: 'guest@example.com', sharedById: 'x', createdAt: new Date() };
    await fleet.db.run((tx) => tx.of(AgentShare).insert(share));
    await fleet.chat('talker', '<<say One.>>');
    await fleet.chat('talker', '<<say Two.>>');
    await fleet.chat('talker', '<<say To the guest.>>', guest);
  });
  afterAll(() => fleet.close());

  const message = (role: string, content: string) => ({
    id: text,
    session_id: text,
    agent_name: 'talker',
    user_id: text,
    user_email: 'guest@example.com',
    role,
    content,
    timestamp: time,
    cost: role === 'user' ? null : number,
    context_used: role === 'user' ? null : number,
    context_max: role === 'user' ? null : number,
    tool_calls: role === 'user' ? null : number,
    execution_time_ms: role === 'user' ? null : number,
  });
  const session = (fields: object = {}) => ({
    id: text,
    agent_name: 'talker',
    user_id: text,
    user_email: 'guest@example.com',
    started_at: time,
    last_message_at: time,
    message_count: 2,
    total_cost: number,
    total_context_used: number,
    total_context_max: 128_000,
    status: 'active',
    ...fields,
  });
  const sessions = async (as: TrinityClient, query = ''): Promise<{ id: string; user_email: string | null }[]> =>
    (await as.get<{ sessions: { id: string; user_email: string | null }[] }>(`${path}/chat/sessions${query}`)).body
      .sessions;

  it('messages are one\u2019s own, or all for an admin', async () => {
    const own = await guest.get(`${path}/chat/history/persistent`);
    const messages = [message('user', '<<say To the guest.>>'), message('assistant', 'To the guest.')];
    expect(own.body).toEqual({ agent_name: 'talker', message_count: 2, messages });
    const [one] = (own.body as { messages: { user_id: string }[] }).messages;
    const all = await admin.get<{ message_count: number }>(`${path}/chat/history/persistent`);
    expect(all.body.message_count).toBe(6);
    const filtered = await admin.get(`${path}/chat/history/persistent?user_filter=${one?.user_id ?? ''}`);
    expect(filtered.body).toEqual(own.body);
    expect((await admin.get(`${path}/chat/history/persistent?limit=1`)).body['message_count']).toBe(1);
    expect((await admin.get(`${path}/chat/history/persistent?limit=x`)).status).toBe(422);
  });

  it('conversations are one\u2019s own, or all for an admin', async () => {
    const own = await guest.get(`${path}/chat/sessions`);
    expect(own.body).toEqual({ agent_name: 'talker', session_count: 1, sessions: [session()] });
    expect(await sessions(admin)).toHaveLength(2);
    expect(await sessions(guest, '?status=closed')).toEqual([]);
    expect(await sessions(guest, '?status=active')).toHaveLength(1);
  });

  it('a conversation is shown with its messages', async () => {
    const [one] = await sessions(guest);
    const shown = await guest.get(`${path}/chat/sessions/${one?.id ?? ''}`);
    const messages = [message('user', '<<say To the guest.>>'), message('assistant', 'To the guest.')];
    expect([shown.status, shown.body]).toEqual([200, { session: session(), message_count: 2, messages }]);
  });

  it('messages tell how full their conversation was by then', async () => {
    type Stored = { readonly role: string; readonly context_used: number; readonly context_max: number };
    const his = (await sessions(admin)).find((each) => each.user_email === null);
    const { body } = await admin.get<{ session: { total_context_used: number }; messages: Stored[] }>(
      `${path}/chat/sessions/${his?.id ?? ''}`,
    );
    const answers = body.messages.filter(({ role }) => role === 'assistant');
    expect(answers.map(({ context_max }) => context_max)).toEqual([128_000, 128_000]);
    const [first, second] = answers.map(({ context_used }) => context_used);
    expect(second).toBe(body.session.total_context_used);
    expect(first).toBeLessThan(second ?? 0);
  });

  it('a conversation is not shown to others, nor under another agent', async () => {
    const [his] = (await sessions(admin)).filter((one) => one.user_email === null);
    const foreign = await guest.get(`${path}/chat/sessions/${his?.id ?? ''}`);
    expect([foreign.status, foreign.body]).toEqual([403, { detail: text }]);
    const misplaced = await admin.get(`/api/agents/asker/chat/sessions/${his?.id ?? ''}`);
    expect(misplaced.status).toBe(403);
  });

  it.each([
    ['GET', 'chat/sessions/none', 404, 'Session not found'],
    ['GET', 'chat/sessions/a%00b', 400, text],
    ['POST', 'chat/sessions/none/close', 404, 'Session not found'],
    ['GET', 'chat/history/persistent?user_filter=%00', 400, text],
    ['GET', 'activities?activity_state=%00', 400, text],
    ['GET', 'activity/none', 404, 'Tool call not found'],
    ['GET', 'activity/a%00b', 400, text],
  ])('%s %s is refused with %d', async (method, route, status, detail) => {
    const answer = await fleet.request(method, `${path}/${route}`, { token: admin.token ?? '' });
    expect([answer.status, answer.body]).toEqual([status, { detail }]);
  });

  it('a closed conversation stays, and the next message begins another', async () => {
    const [one] = await sessions(guest);
    const id = one?.id ?? '';
    for (const time of ['once', 'twice']) {
      const closed = await guest.post(`${path}/chat/sessions/${id}/close`);
      expect([time, closed.status, closed.body]).toEqual([time, 200, { status: 'closed', session_id: id }]);
    }
    expect((await guest.get(`${path}/chat/history`)).body).toEqual([]);
    expect((await guest.get(`${path}/chat/session`)).body).toMatchObject({ session_started: false });
    await fleet.chat('talker', '<<say New.>>', guest);
    expect((await sessions(guest)).map((found) => found.id === id)).toEqual([false, true]);
    expect(await sessions(guest, '?status=closed')).toEqual([session({ status: 'closed' })]);
  });
});
