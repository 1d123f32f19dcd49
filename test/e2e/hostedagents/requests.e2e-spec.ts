import { randomUUID } from 'node:crypto';
import { ownNamedIdOf } from '../../../src/dialects/hostedagents/words.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { Talk } from './support.js';

/** Permissions and questions (contract 5; behavioural tests 15 and 16). */
describe('an agent that asks', () => {
  let fleet: Fleet;
  let talk: Talk;
  beforeAll(async () => {
    fleet = await bootFleet();
    talk = await Talk.with(fleet, 'asker', 'ask');
  });
  afterAll(() => fleet.close());
  afterEach(async () => {
    await talk.post('/abort');
    await talk.idle();
  });
  const text = expect.stringMatching(/./) as string;
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
  const file = async (name: string): Promise<number> =>
    (await fleet.admin.get(`/api/agents/asker/files/download?path=${name}`)).status;
  const last = async (sessionId: string) => (await talk.messages(`?sessionId=${sessionId}`)).at(-1);

  it('shows a permission, and is allowed once', async () => {
    expect(await talk.pending('permissions')).toEqual([]);
    const sessionId = await talk.say('<<bash echo once \\> once.txt>>');
    const [asked] = await talk.asked('permissions');
    expect(asked).toEqual({
      id: expect.stringMatching(/^per_[0-9a-f]{32}$/) as string,
      sessionId,
      permission: 'bash',
      patterns: ['echo once > once.txt'],
      always: ['echo once > once.txt'],
      metadata: expect.objectContaining({ command: 'echo once > once.txt' }) as object,
      tool: { messageID: expect.stringMatching(/^msg_/) as string, callID: text },
      createdAt: time,
    });
    expect((await talk.get()).body).toMatchObject({ busy: true, pendingPermissions: 1, pendingQuestions: 0 });
    const reply = `/permissions/${asked?.id ?? ''}/reply`;
    for (const bad of [{ reply: 'maybe' }, {}, { reply: ['once'] }, { reply: 'toString' }]) {
      expect((await talk.post(reply, bad)).body).toEqual({ error: text, code: 'invalid_reply' });
    }
    expect((await talk.post(reply, { reply: 'reject', message: 'x'.repeat(10_001) })).status).toBe(400);
    const { status, body } = await talk.post(reply, { reply: 'once' });
    expect([status, body]).toEqual([200, { replied: true, reply: 'once' }]);
    const again = await talk.post(reply, { reply: 'once' });
    expect([again.status, again.body]).toEqual([404, { error: 'Permission not found', code: 'permission_not_found' }]);
    expect(await talk.pending('permissions')).toEqual([]);
    await talk.idle();
    expect(await file('once.txt')).toBe(200);
  });

  it('is answered exactly once, whoever comes first', async () => {
    await talk.say('<<bash echo raced \\>\\> raced.txt>>');
    const [asked] = await talk.asked('permissions');
    const path = `/permissions/${asked?.id ?? ''}`;
    const answers = await Promise.all(Array.from({ length: 8 }, () => talk.post(path, { reply: 'once' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 404)]);
    await talk.idle();
  });

  it('remembers always, for exactly what was shown, and over restarts', async () => {
    await talk.say('<<bash true>> <<bash true>>');
    const [asked] = await talk.asked('permissions');
    await talk.post(`/permissions/${asked?.id ?? ''}/reply`, { reply: 'always' });
    await talk.idle();
    await fleet.admin.post('/api/agents/asker/stop');
    await fleet.admin.post('/api/agents/asker/start');
    const sessionId = await talk.say('<<bash true>> <<say done>>');
    await talk.idle();
    expect((await last(sessionId))?.text).toBe('done');
    await talk.say('<<bash  false>>');
    expect((await talk.asked('permissions'))[0]).toMatchObject({ patterns: ['false'] });
  });

  it('a reject ends the turn', async () => {
    const sessionId = await talk.say('<<write no.txt no>> <<slow 2000 100>>');
    const [asked] = await talk.asked('permissions');
    const { body } = await talk.post(`/permissions/${asked?.id ?? ''}/reply`, { reply: 'reject' });
    expect(body).toEqual({ replied: true, reply: 'reject' });
    await talk.idle();
    expect(await file('no.txt')).toBe(404);
    expect((await last(sessionId))?.info['error']).toMatchObject({ name: 'MessageAbortedError' });
  });

  it('a reject with a message goes on with it, without being idle in between', async () => {
    const sessionId = await talk.say('<<write no.txt no>> <<slow 3 50>>');
    const [asked] = await talk.asked('permissions');
    await talk.post(`/permissions/${asked?.id ?? ''}/reply`, { reply: 'reject', message: '<<say understood>>' });
    expect((await talk.busy()) || (await last(sessionId))?.text === 'understood').toBe(true);
    await talk.idle();
    expect(await file('no.txt')).toBe(404);
    const said = (await talk.messages(`?sessionId=${sessionId}`)).map(({ role, text: words }) => [role, words]);
    expect(said.slice(2)).toEqual([
      ['user', '<<say understood>>'],
      ['assistant', 'understood'],
    ]);
  });

  it.each(['', '<<say understood>>'])(
    'a reject (%j) rejects a question that waits in the same session',
    async (message) => {
      const sessionId = await talk.say('<<write no.txt no>>');
      const [asked] = await talk.asked('permissions');
      // As a runtime asks that does two things at once.
      const question = { message: 'Which one?', questions: [], toolCallId: null, bridged: false };
      await fleet.db.query(
        `insert into agent_requests (id, kind, state, agent_id, session_id, turn_id, instance_id, generation, rpc_id, payload,
         created_at, expires_at)
       select $2, 'question', state, agent_id, session_id, turn_id, instance_id, generation, to_json($2::text)::text, $3::jsonb, created_at, expires_at
       from agent_requests where id = $1`,
        [ownNamedIdOf('approval', asked?.id ?? ''), randomUUID(), JSON.stringify(question)],
      );
      expect(await talk.pending('questions')).toMatchObject([{ sessionId }]);
      await talk.post(`/permissions/${asked?.id ?? ''}/reply`, { reply: 'reject', message });
      expect(await talk.pending('questions')).toEqual([]);
      await talk.idle();
    },
  );

  it('an abort takes what is asked with it', async () => {
    const sessionId = await talk.say('<<write no.txt no>>');
    await talk.asked('permissions');
    expect((await talk.post('/abort')).body['aborted']).toEqual([sessionId]);
    expect(await talk.pending('permissions')).toEqual([]);
    expect(await talk.busy()).toBe(false);
  });

  it('shows a question, and takes an answer that fits', async () => {
    const sessionId = await talk.say('<<ask Which database? | SQLite | PostgreSQL>>');
    const [asked] = await talk.asked('questions');
    expect(asked).toEqual({
      id: expect.stringMatching(/^q_[0-9a-f]{32}$/) as string,
      sessionId,
      createdAt: time,
      questions: [
        {
          question: 'Which database?',
          header: text,
          options: [
            { label: 'SQLite', description: text },
            { label: 'PostgreSQL', description: text },
          ],
          multiSelect: false,
          custom: false,
        },
      ],
    });
    expect((await talk.get()).body).toMatchObject({ busy: true, pendingPermissions: 0, pendingQuestions: 1 });
    const reply = `/questions/${asked?.id ?? ''}/reply`;
    for (const answers of [
      'SQLite',
      undefined,
      {},
      [],
      [['SQLite'], []],
      ['SQLite'],
      [[7]],
      [['SQLite', 'PostgreSQL']],
      [['SQLite', 'SQLite']],
      [['MySQL']],
    ]) {
      const { status, body } = await talk.post(reply, { answers });
      expect([status, body]).toMatchObject([400, { error: text, code: 'invalid_answers' }]);
    }
    const unknown = await talk.post(`/questions/q_${'0'.repeat(32)}/reply`, { answers: [['SQLite']] });
    expect([unknown.status, unknown.body]).toEqual([502, { error: text, code: 'question_invalid' }]);
    const { status, body } = await talk.post(reply, { answers: [['SQLite']] });
    expect([status, body]).toEqual([200, { replied: true }]);
    expect((await talk.post(reply, { answers: [['SQLite']] })).status).toBe(502);
    await talk.idle();
    expect((await last(sessionId))?.text).toBe('Answer: SQLite');
  });

  it('a question can be dismissed', async () => {
    const sessionId = await talk.say('<<ask>>');
    const [asked] = await talk.asked('questions');
    const { status, body } = await talk.post(`/questions/${asked?.id ?? ''}/reject`);
    expect([status, body]).toEqual([200, { rejected: true }]);
    expect((await talk.post(`/questions/${asked?.id ?? ''}/reject`)).status).toBe(502);
    await talk.idle();
    expect((await last(sessionId))?.text).toBe('No answer');
  });

  it('asks nothing that another agent could answer', async () => {
    const other = await Talk.with(fleet, 'other');
    await talk.say('<<write no.txt no>>');
    const [asked] = await talk.asked('permissions');
    expect((await other.post(`/permissions/${asked?.id ?? ''}/reply`, { reply: 'once' })).status).toBe(404);
    expect(await talk.pending('permissions')).toHaveLength(1);
  });
});
