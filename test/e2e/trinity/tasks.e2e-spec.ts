import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';
import { generationsOf, journalOf, turnsOf, untilTurn } from '../sessions/support.js';

const path = '/api/agents/worker';

describe('tasks, models and queues', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet();
    await fleet.givenAgent('worker');
    await fleet.givenAgent('asker');
  });
  afterAll(() => fleet.close());

  const task = (fields: object, headers: Record<string, string> = {}) =>
    fleet.request('POST', `${path}/task`, { token: fleet.admin.token ?? '', json: fields, headers });
  const untilRunning = (lane: 'chat' | 'task', count = 1) =>
    until(`${count} of ${lane} run`, async () => {
      const turns = await turnsOf(fleet, 'worker');
      return turns.filter((turn) => turn.state === 'running' && turn.lane === lane).length === count;
    });

  it('a task runs beside the chat, in the same runtime, and leaves no conversation', async () => {
    await fleet.chat('worker', '<<say hello>>');
    const chat = fleet.chat('worker', '<<slow 600 100>>');
    await untilRunning('chat');
    const { status, body } = await task({ message: '<<write t.txt hi>> <<say apart>>' });
    expect([status, body.response, body.metadata.tool_count]).toEqual([200, 'apart', 1]);
    expect(body.execution_log).toMatchObject([{ success: true }]);
    expect(await generationsOf(fleet, 'worker')).toHaveLength(1);
    const sessions = await fleet.admin.get<{ session_count: number }>(`${path}/chat/sessions`);
    expect(sessions.body.session_count).toBe(1);
    const released = await fleet.admin.post(`${path}/queue/release`);
    expect(released.body).toEqual({ status: 'released', agent_name: 'worker', was_running: true });
    expect((await chat).status).toBe(409);
    const history = await fleet.admin.get<{ content: string }[]>(`${path}/chat/history`);
    expect(history.body.map(({ content }) => content)).not.toContain('apart');
    // The runtime was told to forget it, and did.
    expect(await journalOf(fleet, 'worker')).toMatch(/"id":"close:[^"]+","result":\{\}/);
  });

  it('a task remembers nothing, and nothing of it is remembered', async () => {
    const first = await task({ message: '<<say one>>' });
    const second = await task({ message: '<<say two>>' });
    expect(first.body.session_id).not.toBe(second.body.session_id);
  });

  it('three tasks run at once and the fourth waits', async () => {
    const tasks = [1, 2, 3, 4].map(() => task({ message: '<<slow 600 100>>' }));
    await untilRunning('task', 3);
    const queue = await fleet.admin.get(`${path}/queue`);
    expect(queue.body).toMatchObject({ is_busy: true, current_execution: null, queue_length: 1 });
    expect(queue.body['parallel_executions']).toHaveLength(3);
    expect((await fleet.admin.post(`${path}/queue/clear`)).body['cleared_count']).toBe(1);
    expect((await fleet.admin.post(`${path}/queue/release`)).body['was_running']).toBe(true);
    expect((await Promise.all(tasks)).map(({ status }) => status)).toEqual([409, 409, 409, 409]);
    expect((await fleet.admin.get(`${path}/queue`)).body).toMatchObject({ is_busy: false, queue_length: 0 });
  });

  it('ends a task when its time is over', async () => {
    const { status, body } = await task({ message: '<<hang>>', timeout_seconds: 1 });
    expect([status, body]).toEqual([504, { detail: 'The task took longer than the 1 s it is allowed' }]);
    const ended = await untilTurn(fleet, 'worker', 'failed', 60_000);
    expect(ended).toMatchObject({ error: 'The task took longer than the 1 s it is allowed' });
    expect((await task({ message: '<<say alive>>' })).body.response).toBe('alive');
  }, 90_000);

  it('holds a task to its tools, where the runtime can', async () => {
    const held = await task({ message: '<<write no.txt hi>> <<say tried>>', allowed_tools: ['execute'] });
    expect([held.body.response, held.body.execution_log[0].success]).toEqual(['tried', false]);
    const bad = await task({ message: 'x', allowed_tools: ['Bash(rm:*)'] });
    expect([bad.status, bad.body.detail]).toEqual([400, expect.stringContaining('whole tools')]);
  });

  it('gives a task instructions of its own', async () => {
    await task({ message: '<<say done>>', system_prompt: 'Speak like a pirate.' });
    const turn = (await turnsOf(fleet, 'worker')).at(-1);
    expect(turn?.prompt).toBe('<<say done>>');
    const [row] = await fleet.db.query<{ options: object }>(`select options from sessions where id = $1`, [
      turn?.sessionId,
    ]);
    expect(row?.options).toEqual({ instructions: 'Speak like a pirate.' });
  });

  it.each([
    [{}, 422],
    [{ message: '' }, 422],
    [{ message: 'x', timeout_seconds: 0 }, 422],
    [{ message: 'x', timeout_seconds: 'soon' }, 422],
    [{ message: 'x', model: 'no such\nmodel' }, 400],
    [{ message: '   ' }, 400],
  ])('refuses a task %j', async (fields, expected) => {
    expect((await task(fields)).status).toBe(expected);
  });

  it('tells of one agent asking another', async () => {
    const socket = await fleet.events();
    const source = { 'X-Source-Agent': 'asker' };
    await task({ message: '<<say hi>>' }, source);
    expect(await socket.event((event) => event['type'] === 'agent_collaboration')).toMatchObject({
      source_agent: 'asker',
      target_agent: 'worker',
      action: 'parallel_task',
    });
    const line = { agent_name: 'asker', details: { source: 'asker', target: 'worker' }, error: null };
    for (const activity_state of ['started', 'completed']) {
      const news = await socket.event(
        (event) => event['activity_type'] === 'agent_collaboration' && event['activity_state'] === activity_state,
      );
      expect(news).toMatchObject({ type: 'agent_activity', ...line, action: activity_state });
    }
    socket.close();
    const own = await fleet.admin.get<{ activities: object[] }>(
      '/api/agents/asker/activities?activity_type=agent_collaboration',
    );
    expect(own.body.activities).toMatchObject([{ activity_state: 'completed', triggered_by: 'agent' }]);
    expect((await task({ message: 'x' }, { 'X-Source-Agent': 'nobody' })).status).toBe(403);
  });

  it('ends the line of who asked an agent that was deleted meanwhile', async () => {
    await fleet.givenAgent('asked');
    const socket = await fleet.events();
    const token = fleet.admin.token ?? '';
    const headers = { 'X-Source-Agent': 'asker' };
    const answer = fleet.request('POST', '/api/agents/asked/task', {
      token,
      json: { message: '<<slow 600 100>>' },
      headers,
    });
    const about = (event: Record<string, unknown>): boolean =>
      event['activity_type'] === 'agent_collaboration' && event['agent_name'] === 'asker';
    expect(await socket.event(about)).toMatchObject({ activity_state: 'started' });
    await fleet.admin.delete('/api/agents/asked');
    expect((await answer).status).toBe(404);
    const over = { activity_state: 'failed', error: 'The agent was deleted' };
    expect(await socket.event((event) => about(event) && event['activity_state'] !== 'started')).toMatchObject(over);
    socket.close();
    const { body } = await fleet.admin.get<{ activities: object[] }>(
      '/api/agents/asker/activities?activity_type=agent_collaboration&activity_state=started',
    );
    expect(body.activities).toEqual([]);
  });

  it('a model is used from the next message on', async () => {
    expect((await fleet.admin.get(`${path}/model`)).body).toMatchObject({
      model: null,
      available_models: ['scripted-1', 'scripted-2'],
    });
    const set = await fleet.admin.put(`${path}/model`, { model: 'scripted-2' });
    expect([set.status, set.body['model']]).toEqual([200, 'scripted-2']);
    const before = (await generationsOf(fleet, 'worker')).length;
    const chat = await fleet.chat('worker', '<<say with it>>');
    expect(chat.status).toBe(200);
    expect(await generationsOf(fleet, 'worker')).toHaveLength(before + 1);
    for (const model of ['', ' ', 'a b', '../x', 'x'.repeat(201)]) {
      expect([400, 422]).toContain((await fleet.admin.put(`${path}/model`, { model })).status);
    }
    expect((await fleet.admin.get(`${path}/model`)).body['model']).toBe('scripted-2');
  });

  it('history holds all that was said in a turn', async () => {
    await fleet.admin.delete(`${path}/chat/history`);
    const { body } = await fleet.chat('worker', '<<say First.>> <<write h.txt x>> <<say Then.>>');
    expect(body['response']).toBe('Then.');
    const live = await fleet.admin.get<{ content: string }[]>(`${path}/chat/history`);
    expect(live.body.at(-1)?.content).toBe('First.\n\nThen.');
    const stored = await fleet.admin.get<{ messages: { content: string }[] }>(
      `${path}/chat/history/persistent?limit=1`,
    );
    expect(stored.body.messages[0]?.content).toBe('First.\n\nThen.');
  });
});
