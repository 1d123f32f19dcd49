import { ownNamedIdOf } from '../../../src/dialects/hostedagents/words.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';
import { type Shown, Talk } from './support.js';

/** Messages, sessions, abort and usage (contract 2.9, 2.10, 3; behavioural tests 5, 8 to 10, 12, 13, 19). */
describe('talking to an agent', () => {
  let fleet: Fleet;
  let talk: Talk;
  beforeAll(async () => {
    fleet = await bootFleet();
    talk = await Talk.with(fleet, 'talker');
  });
  afterAll(() => fleet.close());
  afterEach(() => talk.post('/abort'));

  const refusal = (code: string, more: object = {}): object => ({
    error: expect.stringMatching(/./) as string,
    code,
    ...more,
  });
  const running = (count: number, sessions: string[]): Promise<unknown> =>
    until(`${count} sessions work`, async () => {
      const rows = await fleet.db.query<{ n: number }>(
        `select count(*)::int as n from turns where state = 'running'
           and session_id in (select jsonb_array_elements_text($1::jsonb))`,
        [JSON.stringify(sessions.map((id) => id.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')))],
      );
      return rows[0]?.n === count;
    });

  it('answers at once, makes a session, and is busy until it is done', async () => {
    const { status, body } = await talk.post('/messages', { message: '<<say hello>>' });
    expect([status, body]).toEqual([
      200,
      { sessionId: expect.stringMatching(/^ses_[0-9a-f]{32}$/) as string, sent: true },
    ]);
    const sessionId = String(body['sessionId']);
    const done = async (): Promise<boolean> =>
      (await talk.messages(`?sessionId=${sessionId}`)).some((m) => m.completedAt);
    expect((await talk.busy()) || (await done())).toBe(true);
    await talk.idle();
    expect(await done()).toBe(true);
    const again = await talk.post('/messages', { message: '<<say again>>', sessionId });
    expect(again.body).toEqual({ sessionId, sent: true });
    const other = await talk.post('/messages', { message: '<<say other>>', sessionId: null });
    expect(other.body['sessionId']).not.toBe(sessionId);
    await talk.idle();
    expect((await talk.messages(`?sessionId=${sessionId}`)).map(({ role, text }) => [role, text])).toEqual([
      ['user', '<<say hello>>'],
      ['assistant', 'hello'],
      ['user', '<<say again>>'],
      ['assistant', 'again'],
    ]);
  });

  it('shows what a message consists of', async () => {
    const sessionId = await talk.say('<<say first>> <<bash echo out>> <<write a.txt hi>> <<bash exit 3>> <<say last>>');
    await talk.idle();
    const { body } = await talk.get<{ agentId: string; sessionId: string; messages: Shown[] }>(
      `/messages?sessionId=${sessionId}`,
    );
    expect([body.agentId, body.sessionId]).toEqual([talk.agentId, sessionId]);
    const [asked, answered] = body.messages;
    if (!asked || !answered) throw new Error('there are no two messages');
    expect(asked).toMatchObject({ role: 'user', sessionId, completedAt: null, info: { id: asked.id, role: 'user' } });
    expect(asked.parts).toMatchObject([{ type: 'text', text: asked.text, messageID: asked.id }]);
    expect(answered).toMatchObject({ role: 'assistant', text: 'first\n\nlast', sessionId });
    expect(answered.info).toMatchObject({
      sessionID: sessionId,
      parentID: asked.id,
      finish: 'stop',
      cost: expect.any(Number) as number,
      path: { cwd: '/workspace', root: '/workspace' },
      tokens: { input: expect.any(Number) as number, reasoning: 0, cache: { read: 0, write: 0 } },
      time: { created: expect.any(Number) as number, completed: expect.any(Number) as number },
    });
    expect(answered.info['error']).toBeUndefined();
    expect(answered.parts.map(({ type }) => type)).toEqual([
      'step-start',
      'text',
      'tool',
      'tool',
      'tool',
      'text',
      'step-finish',
    ]);
    const tools = answered.parts.filter(({ type }) => type === 'tool').map((part) => part['state']);
    expect(tools).toMatchObject([
      { status: 'completed', input: { command: 'echo out' }, output: 'out\n' },
      { status: 'completed', output: 'written', metadata: { kind: 'edit', diffs: [{ newText: 'hi\n' }] } },
      { status: 'error', input: { command: 'exit 3' } },
    ]);
    expect(new Set(answered.parts.map(({ id }) => id)).size).toBe(answered.parts.length);
  });

  it('keeps the order of one session, and works in several at once', async () => {
    const one = await talk.say('<<slow 2000 100>>');
    const two = await talk.say('<<slow 2000 100>>');
    await running(2, [one, two]);
    await talk.say('<<say never>>', one);
    const { body } = await talk.get<{ sessions: { id: string; busy: boolean }[] }>('/sessions');
    expect(body.sessions.filter(({ busy }) => busy).map(({ id }) => id)).toEqual([two, one]);
    const all = await talk.post('/abort');
    expect(all.status).toBe(200);
    expect(all.body).toEqual({ agentId: talk.agentId, aborted: [one, two] });
    expect(await talk.busy()).toBe(false);
    expect((await talk.get()).body['status']).toBe('RUNNING');
    // What waited was dropped, what ran was cut, visibly.
    const messages = await talk.messages(`?sessionId=${one}`);
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
    expect(messages[1]?.info['error']).toMatchObject({ name: 'MessageAbortedError' });
    await talk.say('<<say on>>', one);
    await talk.idle();
    expect((await talk.messages(`?sessionId=${one}`)).at(-1)?.text).toBe('on');
  });

  it('aborts one session and leaves the others alone', async () => {
    const [one, two] = [await talk.say('<<slow 2000 100>>'), await talk.say('<<slow 2000 100>>')];
    await running(2, [one, two]);
    const { status, body } = await talk.post('/abort', { sessionId: one });
    expect([status, body]).toEqual([200, { agentId: talk.agentId, sessionId: one, aborted: true }]);
    expect(await talk.busy()).toBe(true);
    expect((await talk.post('/abort', { sessionId: one })).body['aborted']).toBe(true);
    expect((await talk.post('/abort', {})).body['aborted']).toEqual([two]);
    expect((await talk.post('/abort', {})).body['aborted']).toEqual([]);
    const unknown = await talk.post('/abort', { sessionId: `ses_${'0'.repeat(32)}` });
    expect([unknown.status, unknown.body]).toEqual([404, refusal('session_not_found')]);
  });

  it('opens sessions with a title, lists them, and deletes them with what they do', async () => {
    const { status, body: opened } = await talk.post('/sessions', { title: 'Plans' });
    expect([status, opened]).toMatchObject([
      200,
      { title: 'Plans', busy: false, id: expect.stringMatching(/^ses_/) as string },
    ]);
    expect((await talk.post('/sessions')).body).toMatchObject({ title: 'New session' });
    expect((await talk.post('/sessions', { title: 'x'.repeat(201) })).status).toBe(400);
    const id = String(opened['id']);
    await talk.say('<<say known>> <<slow 2000 100>>', id);
    await until('it has spent something', async () => (await talk.messages(`?sessionId=${id}`)).length === 2);
    const before = (await talk.get<{ cost: number }>('/usage')).body.cost;
    const gone = await talk.hosted.delete(talk.path(`/sessions/${id}`));
    expect([gone.status, gone.body]).toEqual([200, { deleted: true }]);
    expect((await talk.hosted.delete(talk.path(`/sessions/${id}`))).status).toBe(404);
    expect((await talk.get(`/messages?sessionId=${id}`)).status).toBe(404);
    expect((await talk.post('/messages', { message: 'x', sessionId: id })).body).toEqual(refusal('session_not_found'));
    const { body } = await talk.get<{ sessions: { id: string }[] }>('/sessions');
    expect(body.sessions.map((session) => session.id)).not.toContain(id);
    expect(JSON.stringify(await talk.messages())).not.toContain('known');
    expect((await talk.get<{ cost: number }>('/usage')).body.cost).toBeGreaterThanOrEqual(before);
    expect(await talk.busy()).toBe(false);
  });

  it('a title that somebody gave stays; else the agent finds one', async () => {
    const titleOf = async (id: string): Promise<unknown> =>
      (await talk.get<{ sessions: { id: string; title: string }[] }>('/sessions')).body.sessions.find(
        (one) => one.id === id,
      )?.title;
    const named = String((await talk.post('/sessions', { title: 'Refactoring' })).body['id']);
    const plain = await talk.say('<<name First idea>> <<name Second idea>>');
    await talk.say('<<name Another idea>>', named);
    await talk.idle();
    expect([await titleOf(named), await titleOf(plain)]).toEqual(['Refactoring', 'Second idea']);
  });

  it('answers a whole conversation, however long', async () => {
    const sessionId = await talk.say('<<say the first of many>>');
    await talk.idle();
    const own = ownNamedIdOf('session', sessionId);
    await fleet.db.query(
      `insert into turns select (jsonb_populate_record(t, jsonb_build_object(
           'id', gen_random_uuid(), 'prompt', 'number ' || n, 'number', -n,
           'created_at', t.created_at + n * interval '1 s', 'started_at', t.started_at + n * interval '1 s',
           'ended_at', t.started_at + n * interval '1 s'))).*
       from turns t, generate_series(1, 300) n where t.session_id = $1`,
      [own],
    );
    const query = `?sessionId=${sessionId}`;
    const all = await talk.messages(query);
    expect([all.length, all[0]?.text, all.at(-2)?.text]).toEqual([602, '<<say the first of many>>', 'number 300']);
    expect(await talk.messages(`${query}&limit=500`)).toEqual(all.slice(-500));
    expect(await talk.messages(`${query}&after=${all[9]?.id ?? ''}`)).toEqual(all.slice(10));
    expect(await talk.messages(`${query}&after=${all[9]?.id ?? ''}&limit=3`)).toEqual(all.slice(-3));
    await talk.hosted.delete(talk.path(`/sessions/${sessionId}`));
  });

  it('pages through messages', async () => {
    const sessionId = await talk.say('<<say one>>');
    await talk.say('<<say two>>', sessionId);
    await talk.idle();
    const query = `?sessionId=${sessionId}`;
    const all = await talk.messages(query);
    expect(all).toHaveLength(4);
    expect(await talk.messages(`${query}&limit=1`)).toEqual(all.slice(-1));
    expect(await talk.messages(`${query}&after=${all[0]?.id ?? ''}`)).toEqual(all.slice(1));
    expect(await talk.messages(`${query}&after=${all[0]?.id ?? ''}&limit=2`)).toEqual(all.slice(2));
    expect(await talk.messages(`${query}&after=${all[3]?.id ?? ''}`)).toEqual([]);
    const whole = await talk.messages();
    expect(whole.map(({ id }) => id)).toEqual(expect.arrayContaining(all.map(({ id }) => id)));
    const times = whole.map(({ createdAt }) => createdAt);
    expect(times).toEqual([...times].sort());
    for (const bad of ['limit=0', 'limit=501', 'limit=x', 'after=msg_x', `after=msg_${'0'.repeat(33)}`]) {
      expect((await talk.get(`/messages${query}&${bad}`)).body).toEqual(
        expect.objectContaining({ code: 'invalid_request' }),
      );
    }
    expect((await talk.get('/messages?sessionId=nonsense')).body).toEqual(refusal('session_not_found'));
  });

  it('refuses what is no message, in the order of checks', async () => {
    for (const body of [{}, { message: '' }, { message: '  ' }, { message: 7 }, { message: 'x'.repeat(100_001) }]) {
      expect((await talk.post('/messages', body)).body).toMatchObject({ code: 'invalid_request', field: 'message' });
    }
    expect((await talk.post('/messages', { message: 'x', sessionId: 7 })).status).toBe(400);
    expect((await talk.post('/messages', { message: 'x', sessionId: `ses_${'0'.repeat(32)}` })).status).toBe(404);
    expect((await talk.post('/messages', { message: 'a\u0000b' })).status).toBe(400);
  });

  it('counts what it cost, by session, and never less', async () => {
    interface Spent {
      cost: number;
      tokens: { input: number; output: number; reasoning: number; cache: { read: number; write: number } };
    }
    const usage = async (): Promise<Spent & { sessions: (Spent & { id: string; title: string })[] }> =>
      (await talk.get<Spent & { sessions: (Spent & { id: string; title: string })[] }>('/usage')).body;
    const sessionId = await talk.say('<<say count>>');
    await talk.post('/sessions', { title: 'Plans' });
    const task = await fleet.admin.post('/api/agents/talker/task', { message: '<<say task>>' });
    expect(task.status).toBe(200);
    await talk.idle();
    const first = await usage();
    const mine = first.sessions.find(({ id }) => id === sessionId);
    // Of all it names: deleted ones, and the work of schedules, cost what they cost.
    expect(first.sessions.map(({ title }) => title)).toEqual(
      expect.arrayContaining(['New session', 'Plans', 'Deleted session', 'Task']),
    );
    expect(mine?.tokens.input).toBeGreaterThan(0);
    expect(mine?.cost).toBeGreaterThan(0);
    const sum = (pick: (one: Spent) => number): number => first.sessions.reduce((all, one) => all + pick(one), 0);
    expect(sum((one) => one.cost)).toBeCloseTo(first.cost, 9);
    expect(sum((one) => one.tokens.output)).toBe(first.tokens.output);
    await fleet.admin.post('/api/agents/talker/stop');
    expect((await talk.get('/usage')).body).toEqual(refusal('agent_not_running'));
    await fleet.admin.post('/api/agents/talker/start');
    await talk.say('<<say more>>', sessionId);
    await talk.idle();
    const second = await usage();
    expect(second.cost).toBeGreaterThan(first.cost);
    expect(second.tokens.input).toBeGreaterThan(first.tokens.input);
  });

  it('keeps what was said when it is stopped, and takes nothing then', async () => {
    const sessionId = await talk.say('<<say kept>>');
    await talk.idle();
    const before = await talk.messages();
    await fleet.admin.post('/api/agents/talker/stop');
    expect(await talk.messages()).toEqual(before);
    expect(await talk.busy()).toBe(false);
    for (const call of [
      talk.post('/messages', { message: 'x', sessionId }),
      talk.post('/messages', { message: 'x' }),
      talk.post('/sessions'),
      talk.post('/abort'),
      talk.get('/permissions'),
      talk.get('/questions'),
      talk.get('/files'),
      talk.post('/permissions/per_x/reply', { reply: 'once' }),
      talk.post('/questions/q_x/reply', { answers: [] }),
    ]) {
      const { status, body } = await call;
      expect([status, body]).toEqual([400, refusal('agent_not_running')]);
    }
    expect((await talk.post('/permissions/per_x/reply', { reply: 'maybe' })).body).toMatchObject({
      code: 'invalid_reply',
    });
    await fleet.admin.post('/api/agents/talker/start');
    expect(await talk.messages()).toEqual(before);
  });

  it('talks in the same conversations as the other APIs', async () => {
    await fleet.chat('talker', '<<say from trinity>>');
    const texts = (await talk.messages()).map(({ text }) => text);
    expect(texts).toEqual(expect.arrayContaining(['<<say from trinity>>', 'from trinity']));
    const sessionId = await talk.say('<<say from here>>');
    await talk.idle();
    const { body } = await fleet.admin.get<{ content: string }[]>('/api/agents/talker/chat/history');
    expect(body.map(({ content }) => content)).toEqual(expect.arrayContaining(['<<say from here>>', 'from here']));
    expect(sessionId).toMatch(/^ses_/);
  });
});
