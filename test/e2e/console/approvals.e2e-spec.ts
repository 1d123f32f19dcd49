import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { Answer, TrinityClient } from '../../support/trinity-client.js';
import { text, time } from '../../support/trinity-shapes.js';
import { until } from '../../support/until.js';

type Waiting = Record<string, unknown> & { readonly id: string };

describe('the console', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  let ada: TrinityClient;
  let stranger: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    ada = await fleet.givenUser('ada', { email: 'ada@example.com', signedIn: true });
    stranger = await fleet.givenUser('stranger', { signedIn: true });
    await fleet.givenAgent('careful', {}, ada);
  });
  afterAll(() => fleet.close());

  const settings = '/~console/agents/careful/settings';
  const refusal = (code: unknown = text): object => ({ error: { code, message: text } });
  const waiting = (kind: 'approvals' | 'questions', as: TrinityClient = ada): Promise<Waiting> =>
    until(`one of the ${kind} waits`, async () => (await as.get<Waiting[]>(`/~console/${kind}`)).body[0]);
  const ask = (message: string): Promise<Answer> => fleet.chat('careful', message, ada);
  const readFile = async (path: string): Promise<Answer<string>> =>
    ada.get<string>(`/api/agents/careful/files/download?path=${path}`);

  describe('settings', () => {
    it('are auto at first', async () => {
      const { status, body } = await ada.get(settings);
      expect([status, body]).toEqual([
        200,
        { agent: 'careful', approvals: 'auto', autonomy: false, always_allowed: [] },
      ]);
    });

    it.each<[string, unknown]>([
      ['nothing', {}],
      ['another word', { approvals: 'never' }],
      ['no word', { approvals: true }],
    ])('refuse %s', async (_what, body) => {
      const answer = await ada.put(settings, body as object);
      expect([answer.status, answer.body]).toEqual([
        400,
        { error: expect.objectContaining({ issues: expect.any(Array) }) },
      ]);
    });

    it('are refused to others', async () => {
      for (const call of [stranger.get(settings), stranger.put(settings, { approvals: 'ask' })]) {
        const { status, body } = await call;
        expect([status, body]).toEqual([404, refusal('agent_not_found')]);
      }
      expect((await admin.get('/~console/agents/nobody/settings')).status).toBe(404);
      const { agentId } = await fleet.instanceOf('careful');
      const guest = await fleet.givenUser('guest', { email: 'guest@example.com', signedIn: true });
      const share = { agentId, email: 'guest@example.com', sharedById: 'x', createdAt: new Date() };
      await fleet.db.run((tx) => tx.of(AgentShare).insert(share));
      expect((await guest.get(settings)).status).toBe(200);
      expect((await guest.put(settings, { approvals: 'ask' })).status).toBe(403);
    });

    it('refuse to ask where a runtime cannot', async () => {
      await fleet.db.query(`update agents set runtime = 'codex' where slug = 'careful'`);
      const { status, body } = await ada.put(settings, { approvals: 'ask' });
      expect([status, body]).toEqual([400, refusal('cannot_ask')]);
      await fleet.db.query(`update agents set runtime = 'scripted' where slug = 'careful'`);
    });

    it('are changed by the owner, as often as one likes', async () => {
      for (const time of ['once', 'twice']) {
        const { status, body } = await ada.put(settings, { approvals: 'ask' });
        const now = { agent: 'careful', approvals: 'ask', autonomy: false, always_allowed: [] };
        expect([time, status, body]).toEqual([time, 200, now]);
      }
    });
  });

  it('lists nothing while nothing waits', async () => {
    expect((await ada.get('/~console/approvals')).body).toEqual([]);
    expect((await ada.get('/~console/questions')).body).toEqual([]);
  });

  it.each(['approvals', 'questions'])('knows no %s by a made-up id', async (kind) => {
    expect((await ada.get(`/~console/${kind}/none`)).status).toBe(404);
    const answer = kind === 'approvals' ? { decision: 'allow' } : {};
    expect((await ada.post(`/~console/${kind}/none/answer`, answer)).status).toBe(404);
    expect((await ada.get(`/~console/${kind}/a%00b`)).status).toBe(400);
    expect((await admin.as(null).get(`/~console/${kind}`)).body).toEqual(refusal());
  });

  const approval = (fields: object = {}) => ({
    id: text,
    agent: 'careful',
    state: 'open',
    session_id: text,
    turn_id: text,
    created_at: time,
    expires_at: time,
    answer: null,
    title: text,
    kind: 'edit',
    input: expect.objectContaining({ content: 'hi\n' }),
    content: expect.any(Array),
    pattern: text,
    ...fields,
  });

  it('shows an approval, and allows it once', async () => {
    const asked = ask('<<write a.txt hi>> <<say done>>');
    const { id, ...rest } = await waiting('approvals');
    expect({ id, ...rest }).toEqual(approval());
    expect((await ada.get(`/~console/approvals/${id}`)).body).toEqual({ id, ...rest });
    expect((await readFile('a.txt')).status).toBe(404);
    expect((await admin.get<Waiting[]>('/~console/approvals')).body).toHaveLength(1);
    expect((await stranger.get('/~console/approvals')).body).toEqual([]);
    for (const call of [
      stranger.get(`/~console/approvals/${id}`),
      stranger.post(`/~console/approvals/${id}/answer`, { decision: 'allow' }),
    ]) {
      expect((await call).status).toBe(404);
    }
    for (const bad of [{}, { decision: 'perhaps' }, { decision: 'allow', message: 'no message goes with it' }]) {
      expect((await ada.post(`/~console/approvals/${id}/answer`, bad)).status).toBe(400);
    }
    const allowed = await ada.post(`/~console/approvals/${id}/answer`, { decision: 'allow' });
    expect([allowed.status, allowed.body]).toEqual([
      200,
      approval({ state: 'answered', answer: { decision: 'allow' } }),
    ]);
    expect((await asked).body['response']).toBe('done');
    expect((await readFile('a.txt')).body).toBe('hi\n');
    const again = await ada.post(`/~console/approvals/${id}/answer`, { decision: 'reject' });
    expect([again.status, again.body]).toEqual([409, refusal('already_answered')]);
    expect((await ada.get('/~console/approvals')).body).toEqual([]);
  });

  it('rejects with a message, which is what the agent is told next', async () => {
    const asked = ask('<<both b.txt b-too.txt>> <<say went on>>');
    const id = await until('both wait', async () => {
      const { body } = await ada.get<Waiting[]>('/~console/approvals');
      return body.length === 2 ? body[0]?.id : undefined;
    });
    const message = 'Say it instead. <<say said instead>>';
    const rejected = await ada.post(`/~console/approvals/${id}/answer`, { decision: 'reject', message });
    expect(rejected.body['answer']).toEqual({ decision: 'reject' });
    expect((await asked).status).toBe(200);
    for (const name of ['b.txt', 'b-too.txt']) expect((await readFile(name)).status).toBe(404);
    await until('the message was answered', async () => {
      const { body } = await ada.get<{ content: string }[]>('/api/agents/careful/chat/history');
      return body.at(-1)?.content === 'said instead';
    });
  });

  it('allows a pattern always, and only that one', async () => {
    const asked = ask('<<bash echo one>>');
    const { id, pattern } = await waiting('approvals');
    await ada.post(`/~console/approvals/${id}/answer`, { decision: 'always' });
    expect((await asked).status).toBe(200);
    expect((await ada.get(settings)).body['always_allowed']).toEqual([pattern]);
    expect((await ask('<<bash echo one>> <<say quietly>>')).body['response']).toBe('quietly');
    const other = ask('<<bash echo two>>');
    const next = await waiting('approvals');
    expect(next['pattern']).not.toBe(pattern);
    await ada.post(`/~console/approvals/${next.id}/answer`, { decision: 'reject' });
    await other;
  });

  it('counts the first of two answers that come together', async () => {
    const asked = ask('<<write c.txt hi>>');
    const { id } = await waiting('approvals');
    const answers = await Promise.all(
      ['allow', 'reject', 'allow'].map((decision) => ada.post(`/~console/approvals/${id}/answer`, { decision })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    await asked;
  });

  it('still has what waits after a restart, and its answer is heard', async () => {
    const asked = ask('<<write d.txt hi>> <<say after all>>').catch(() => null);
    const { id } = await waiting('approvals');
    const clients = [admin, ada, stranger].map((client) => client.token);
    await fleet.close({ keep: true });
    await asked;
    fleet = await bootFleet({ dataDir: fleet.dataDir });
    [admin, ada, stranger] = clients.map((token) => fleet.admin.as(token)) as [
      TrinityClient,
      TrinityClient,
      TrinityClient,
    ];
    expect((await waiting('approvals')).id).toBe(id);
    expect((await ada.post(`/~console/approvals/${id}/answer`, { decision: 'allow' })).status).toBe(200);
    await until('the turn is over', async () => {
      const { body } = await ada.get<{ content: string }[]>('/api/agents/careful/chat/history');
      return body.at(-1)?.content === 'after all';
    });
    expect((await readFile('d.txt')).body).toBe('hi\n');
  });

  describe('questions', () => {
    const question = (fields: object = {}) => ({
      id: text,
      agent: 'careful',
      state: 'open',
      session_id: text,
      turn_id: text,
      created_at: time,
      expires_at: time,
      answer: null,
      message: 'Which one?',
      questions: [
        {
          key: 'question_0',
          text,
          header: null,
          options: [
            { value: 'Red', label: 'Red', description: 'Choose Red' },
            { value: 'Blue', label: 'Blue', description: 'Choose Blue' },
          ],
          multiple: false,
          free_text: false,
        },
      ],
      ...fields,
    });

    it('are shown, and answered with one of the options', async () => {
      const asked = ask('<<ask Which one? | Red | Blue>>');
      const { id, ...rest } = await waiting('questions');
      expect({ id, ...rest }).toEqual(question());
      expect((await ada.get(`/~console/questions/${id}`)).body).toEqual({ id, ...rest });
      expect((await stranger.post(`/~console/questions/${id}/answer`, {})).status).toBe(404);
      expect((await ada.get(`/~console/approvals/${id}`)).status).toBe(404);
      for (const bad of [
        { question_0: ['Green'] },
        { question_0: ['Red', 'Blue'] },
        { other: ['Red'] },
        { question_0: 5 },
      ]) {
        const refused = await ada.post(`/~console/questions/${id}/answer`, { answers: bad });
        expect([bad, refused.status]).toEqual([bad, 400]);
      }
      const answered = await ada.post(`/~console/questions/${id}/answer`, { answers: { question_0: 'Blue' } });
      const answer = { answers: { question_0: ['Blue'] } };
      expect([answered.status, answered.body]).toEqual([200, question({ state: 'answered', answer })]);
      expect((await asked).body['response']).toBe('Answer: Blue');
      expect((await ada.post(`/~console/questions/${id}/answer`, {})).status).toBe(409);
    });

    it('are declined with no answers', async () => {
      const asked = ask('<<ask Which one? | Red | Blue>>');
      const { id } = await waiting('questions');
      const declined = await ada.post(`/~console/questions/${id}/answer`);
      expect([declined.status, declined.body]).toEqual([
        200,
        question({ state: 'answered', answer: { declined: true } }),
      ]);
      expect((await asked).body['response']).toBe('No answer');
    });

    it('are declined at once where nobody is there to answer', async () => {
      await ada.put(settings, { approvals: 'auto' });
      const { status, body } = await ask('<<ask Which one? | Red | Blue>>');
      expect([status, body['response']]).toEqual([200, 'No answer']);
      expect((await ada.get('/~console/questions')).body).toEqual([]);
    });
  });
});
