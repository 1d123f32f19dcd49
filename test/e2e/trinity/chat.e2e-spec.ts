import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { TrinityClient } from '../../support/trinity-client.js';
import { number, text, time } from '../../support/trinity-shapes.js';
import { until } from '../../support/until.js';

const path = '/api/agents/talker';

describe('chat', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  let guest: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    await fleet.givenAgent('talker');
    guest = await fleet.givenUser('guest', { email: 'guest@example.com' });
    const { agentId } = await fleet.instanceOf('talker');
    const share = { agentId, email: 'guest@example.com', sharedById: 'x', createdAt: new Date() };
    await fleet.db.run((tx) => tx.of(AgentShare).insert(share));
  });
  afterAll(() => fleet.close());

  const busy = (): Promise<unknown> =>
    until('the agent is busy', async () => (await admin.get(`${path}/activity`)).body['status'] === 'running');

  describe('before the first message', () => {
    it.each<[string, unknown]>([
      ['chat/history', []],
      [
        'chat/session',
        {
          session_started: false,
          message_count: 0,
          total_cost_usd: 0,
          context_tokens: 0,
          context_window: 200_000,
          context_percent: 0,
          model: null,
        },
      ],
      ['chat/history/persistent', { agent_name: 'talker', message_count: 0, messages: [] }],
      ['chat/sessions', { agent_name: 'talker', session_count: 0, sessions: [] }],
      [
        'activity',
        {
          status: 'idle',
          active_tool: null,
          tool_counts: {},
          timeline: [],
          totals: { calls: 0, duration_ms: 0, started_at: null },
        },
      ],
      ['activities', { agent_name: 'talker', count: 0, activities: [] }],
    ])('%s is empty', async (route, expected) => {
      const { status, body } = await admin.get(`${path}/${route}`);
      expect([status, body]).toEqual([200, expected]);
    });

    it('the timeline of all is empty', async () => {
      expect((await admin.get('/api/activities/timeline')).body).toEqual({ count: 0, activities: [] });
    });

    it('clearing is fine', async () => {
      const { status, body } = await admin.delete(`${path}/chat/history`);
      const zeros = {
        total_cost_usd: 0,
        context_tokens: 0,
        context_window: 200_000,
        message_count: 0,
        model: null,
      };
      expect([status, body]).toEqual([200, { status: 'cleared', session_reset: true, session: zeros }]);
    });
  });

  it('answers with words, tools and what it cost', async () => {
    const { status, body } = await fleet.chat('talker', '<<write a.txt hi>> <<say Done.>>');
    expect([status, body]).toEqual([
      200,
      {
        response: 'Done.',
        execution_log: [
          {
            id: text,
            type: 'tool_use',
            tool: text,
            input: { path: expect.stringMatching(/a\.txt$/), content: 'hi\n' },
            output: expect.anything(),
            success: true,
            duration_ms: number,
            timestamp: time,
          },
        ],
        metadata: {
          cost_usd: number,
          duration_ms: number,
          num_turns: 1,
          tool_count: 1,
          session_id: text,
          input_tokens: number,
          output_tokens: number,
          cache_creation_tokens: 0,
          cache_read_tokens: 0,
          context_window: 128_000,
        },
        session: {
          total_cost_usd: number,
          context_tokens: number,
          context_window: 128_000,
          message_count: 2,
          model: null,
        },
        timestamp: time,
        execution: { id: text, queue_status: 'running', was_queued: false },
      },
    ]);
  });

  it('is one conversation per person', async () => {
    const second = await fleet.chat('talker', '<<say Again.>>');
    expect(second.body['session']).toMatchObject({ message_count: 4 });
    const hers = await fleet.chat('talker', '<<say To the guest.>>', guest);
    expect(hers.body['session']).toMatchObject({ message_count: 2 });
    const { body } = await guest.get(`${path}/chat/history`);
    expect(body).toEqual([
      { role: 'user', content: '<<say To the guest.>>', timestamp: time },
      { role: 'assistant', content: 'To the guest.', timestamp: time },
    ]);
    expect((await admin.get(`${path}/chat/history`)).body).toHaveLength(4);
  });

  it.each<[string, unknown, number, unknown]>([
    ['nothing', {}, 422, [{ loc: ['body', 'message'], msg: 'Field required', type: 'missing' }]],
    ['no body', undefined, 422, [{ loc: ['body', 'message'], msg: 'Field required', type: 'missing' }]],
    ['a number', { message: 5 }, 422, [{ loc: ['body', 'message'], msg: text, type: 'string_type' }]],
    ['blanks', { message: '  ' }, 400, text],
    ['NUL', { message: 'a\u0000b' }, 400, expect.stringContaining('NUL')],
    ['a megabyte', { message: 'x'.repeat(1_000_001) }, 400, expect.stringContaining('too long')],
  ])('%s is no message', async (_what, body, status, detail) => {
    const answer = await admin.post(`${path}/chat`, body as object | undefined);
    expect([answer.status, answer.body]).toEqual([status, { detail }]);
  });

  it('says why an agent failed', async () => {
    const { status, body } = await fleet.chat('talker', '<<fail 529>>');
    expect([status, body]).toEqual([500, { detail: expect.stringContaining('Scripted failure 529') }]);
    expect((await fleet.chat('talker', '<<say Fine.>>')).body['response']).toBe('Fine.');
  });

  it('says that an agent broke off, and goes on with the next message', async () => {
    const { status, body } = await fleet.chat('talker', '<<say so far>> <<crash>>');
    expect([status, body]).toEqual([503, { detail: expect.stringContaining('interrupted') }]);
    expect((await fleet.chat('talker', '<<say Back.>>')).body['response']).toBe('Back.');
  });

  describe('between agents', () => {
    it('is marked in the timeline', async () => {
      await fleet.givenAgent('asker');
      const asked = await fleet.request('POST', `${path}/chat`, {
        token: admin.token ?? '',
        json: { message: '<<say For you.>>' },
        headers: { 'x-source-agent': 'asker' },
      });
      expect([asked.status, asked.body.response]).toEqual([200, 'For you.']);
      const { body } = await admin.get<{ activities: object[] }>(`${path}/activities?activity_type=chat_end&limit=1`);
      expect(body.activities).toEqual([expect.objectContaining({ triggered_by: 'agent' })]);
    });

    it.each(['nobody', 'asker'])('needs a source the caller can access, unlike %s', async (source) => {
      const asked = await fleet.request('POST', `${path}/chat`, {
        token: guest.token ?? '',
        json: { message: 'hi' },
        headers: { 'x-source-agent': source },
      });
      expect([asked.status, asked.body]).toEqual([403, { detail: expect.stringContaining('X-Source-Agent') }]);
    });
  });

  it('works on one message, lets three wait, and refuses the fifth', async () => {
    const first = fleet.chat('talker', '<<slow 40 100>>');
    await busy();
    const waiting = ['one', 'two', 'three'].map((word) => fleet.chat('talker', `<<say ${word}>>`));
    await until('three wait', async () => {
      const [row] = await fleet.db.query<{ n: string }>(`select count(*) as n from turns where state = 'queued'`);
      return Number(row?.n) === 3;
    });
    const refused = await fleet.chat('talker', '<<say four>>');
    expect([refused.status, refused.body]).toEqual([
      429,
      { detail: { error: text, agent: 'talker', queue_length: 3, retry_after: 30, message: text } },
    ]);
    expect(refused.headers.get('retry-after')).toBe('30');
    expect((await first).status).toBe(200);
    const answers = await Promise.all(waiting);
    expect(answers.map(({ body }) => body['response']).sort()).toEqual(['one', 'three', 'two']);
    expect(answers.map(({ body }) => body['execution'])).toEqual(
      expect.arrayContaining(
        [1, 2, 3].map((ahead) => ({ id: text, queue_status: `queued:${ahead}`, was_queued: true })),
      ),
    );
  });

  it('survives a restart of the server in the middle of a turn', async () => {
    const asked = fleet.chat('talker', '<<slow 30 100>> <<say after all>>').catch(() => null);
    await busy();
    await fleet.close({ keep: true });
    await asked;
    fleet = await bootFleet({ dataDir: fleet.dataDir });
    admin = fleet.admin;
    const last = await until('the answer is there', async () => {
      const { body } = await admin.get<{ role: string; content: string }[]>(`${path}/chat/history`);
      const message = body.at(-1);
      return message?.role === 'assistant' && message;
    });
    expect(last.content).toContain('after all');
  });

  describe('with a stopped agent', () => {
    beforeAll(() => admin.post(`${path}/stop`));

    it.each([
      ['POST', 'chat', 503],
      ['GET', 'chat/history', 503],
      ['DELETE', 'chat/history', 503],
      ['GET', 'chat/session', 400],
    ])('%s %s is refused', async (method, route, status) => {
      const json = method === 'POST' ? { json: { message: 'hi' } } : {};
      const answer = await fleet.request(method, `${path}/${route}`, { token: admin.token ?? '', ...json });
      expect([answer.status, answer.body]).toEqual([status, { detail: 'Agent is not running' }]);
    });

    it('what is stored is shown', async () => {
      expect((await admin.get(`${path}/chat/history/persistent`)).status).toBe(200);
      expect((await admin.get(`${path}/chat/sessions`)).status).toBe(200);
      expect((await admin.get(`${path}/activity`)).body).toMatchObject({ status: 'idle', active_tool: null });
    });
  });

  it('ends with the agent: stopped or deleted in the middle of it', async () => {
    await fleet.givenAgent('brief');
    const working = (): Promise<unknown> =>
      until('it works', async () => (await admin.get('/api/agents/brief/activity')).body['status'] === 'running');
    const stopped = fleet.chat('brief', '<<slow 100 100>>');
    await working();
    await admin.post('/api/agents/brief/stop');
    expect(await stopped).toMatchObject({ status: 503, body: { detail: expect.stringContaining('interrupted') } });
    await admin.post('/api/agents/brief/start');
    const deleted = fleet.chat('brief', '<<slow 100 100>>');
    await working();
    await admin.delete('/api/agents/brief');
    expect(await deleted).toMatchObject({ status: 404, body: { detail: 'Agent not found' } });
  });

  it('is cleared by the owner only', async () => {
    await admin.post(`${path}/start`);
    guest = new TrinityClient(fleet.url, guest.token);
    const refused = await guest.delete(`${path}/chat/history`);
    expect([refused.status, refused.body]).toEqual([403, { detail: 'Owner access required' }]);
    expect((await admin.get(`${path}/chat/history`)).body).not.toEqual([]);
    expect((await admin.delete(`${path}/chat/history`)).body).toMatchObject({ status: 'cleared' });
    expect((await admin.get(`${path}/chat/history`)).body).toEqual([]);
  });
});
