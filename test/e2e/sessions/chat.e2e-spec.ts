import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';
import { eventsOf, turnsOf } from './support.js';

interface ChatBody {
  readonly response: string;
  readonly execution_log: readonly { readonly tool: string; readonly output: unknown; readonly success: boolean }[];
  readonly metadata: { readonly tool_count: number; readonly session_id: string };
  readonly execution: { readonly was_queued: boolean };
}

describe('talking to an agent', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet();
    await fleet.givenAgent('talker');
  });
  afterAll(() => fleet.close());

  it('answers with what was said and the tools that were used', async () => {
    const { status, body } = await fleet.chat(
      'talker',
      'Go. <<write hello.txt hi>> <<bash cat hello.txt>> <<say done>>',
    );
    const chat = body as unknown as ChatBody;

    expect([status, chat.response, chat.metadata.tool_count]).toEqual([200, 'done', 2]);
    expect(chat.execution_log).toMatchObject([
      { tool: 'Write hello.txt', success: true },
      { tool: 'cat hello.txt', success: true, output: { output: 'hi\n' } },
    ]);
  });

  it('keeps the conversation: history, one session, events numbered without a hole', async () => {
    await fleet.chat('talker', 'second <<say two>>');
    const { body } = await fleet.admin.get<{ role: string; content: string }[]>('/api/agents/talker/chat/history');
    expect(body.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    expect(body.at(-1)?.content).toBe('two');

    const events = await eventsOf(fleet, 'talker');
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter((event) => event.kind === 'turn_ended')).toHaveLength(2);
  });

  it('gives every person a conversation of their own', async () => {
    const other = await fleet.givenUser('other', { role: 'admin' });
    await fleet.chat('talker', 'from other <<say hello other>>', other);
    const theirs = await other.get<{ content: string }[]>('/api/agents/talker/chat/history');
    expect(theirs.body.map(({ content }) => content)).toEqual(['from other <<say hello other>>', 'hello other']);
    const mine = await fleet.admin.get<unknown[]>('/api/agents/talker/chat/history');
    expect(mine.body).toHaveLength(4);
  });

  it('lets three messages wait, in order, and refuses the next', async () => {
    await fleet.givenAgent('busy');
    const chats = [fleet.chat('busy', '<<slow 40 100>>')];
    await until('the first message is worked on', async () => (await turnsOf(fleet, 'busy'))[0]?.state === 'running');
    for (const word of ['a', 'b', 'c']) {
      chats.push(fleet.chat('busy', `<<say ${word}>>`));
      await until(`${word} waits`, async () => (await turnsOf(fleet, 'busy')).length === chats.length);
    }
    const refused = await fleet.chat('busy', 'too many');
    expect([refused.status, (refused.body as { detail: { queue_length?: number } }).detail]).toEqual([
      429,
      expect.objectContaining({ queue_length: 3 }),
    ]);
    const answers = await Promise.all(chats);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(answers.slice(1).map(({ body }) => (body as unknown as ChatBody).response)).toEqual(['a', 'b', 'c']);
    const turns = await turnsOf(fleet, 'busy');
    expect(turns.map(({ state }) => state)).toEqual(['finished', 'finished', 'finished', 'finished']);
    const ends = turns.map((turn) => Number(turn.endedAt));
    expect(ends).toEqual([...ends].sort((a, b) => a - b));
  });

  it.each([
    ['empty', ''],
    ['blank', '  \n '],
    ['too long', 'x'.repeat(1_000_001)],
    ['with a NUL', 'a\u0000b'],
  ])('refuses a message that is %s, and stores nothing', async (_what, message) => {
    const before = (await turnsOf(fleet, 'talker')).length;
    const { status } = await fleet.chat('talker', message);
    expect([400, 422]).toContain(status);
    expect(await turnsOf(fleet, 'talker')).toHaveLength(before);
  });

  it('takes a message as long as is allowed', async () => {
    const { status, body } = await fleet.chat('talker', `${'x'.repeat(900_000)} <<say read it>>`);
    expect([status, (body as unknown as ChatBody).response]).toEqual([200, 'read it']);
  });

  it('tells a failure of the model', async () => {
    const { status, body } = await fleet.chat('talker', '<<say begin>> <<fail 400>>');
    expect([status, body]).toEqual([500, { detail: 'The agent failed: Scripted failure 400' }]);
    expect((await turnsOf(fleet, 'talker')).at(-1)).toMatchObject({ state: 'failed', error: 'Scripted failure 400' });
  });
});
