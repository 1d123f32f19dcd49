import type { SessionEventKind } from './session-event.entity.js';
import { messagesOfTurn, type TranscriptEvent } from './transcript.fold.js';
import { Turn } from './turn.entity.js';

const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));

function turn(fields: Partial<Turn> = {}): Turn {
  const basis = { id: 't', prompt: 'Do it', state: 'finished', createdAt: at(0), startedAt: at(1), endedAt: at(9) };
  return Object.assign(new Turn(), basis, fields);
}

let seq = 0;
const event = (kind: SessionEventKind, data: Record<string, unknown> = {}): TranscriptEvent => ({
  seq: ++seq,
  kind,
  data,
  at: at(seq % 60),
});
const answerOf = (row: Turn, ...events: TranscriptEvent[]) => messagesOfTurn(row, events)[1];

describe('messages of a turn', () => {
  it('are the prompt and what was done about it', () => {
    const [asked, answered, ...more] = messagesOfTurn(turn(), [
      event('turn_started'),
      event('agent_thought', { text: 'Hm' }),
      event('agent_message', { text: 'I ' }),
      event('agent_message', { text: 'see', continues: true }),
      event('tool_call', { toolCallId: 'c', title: 'bash', kind: 'execute', status: 'pending' }),
      event('tool_update', { toolCallId: 'c', title: 'List', status: 'in_progress', input: { command: 'ls' } }),
      event('agent_message', { text: 'Done' }),
      event('tool_update', { toolCallId: 'c', status: 'completed', output: { output: 'a.txt' } }),
      event('turn_ended'),
    ]);
    expect(more).toEqual([]);
    expect(asked).toMatchObject({ role: 'user', text: 'Do it', at: at(0), parts: [{ type: 'text', text: 'Do it' }] });
    expect(answered).toMatchObject({ role: 'assistant', text: 'I see\n\nDone', at: at(1), completedAt: at(9) });
    expect(answered?.parts).toMatchObject([
      { type: 'step-start' },
      { type: 'reasoning', text: 'Hm' },
      { type: 'text', text: 'I see' },
      {
        type: 'tool',
        tool: 'bash',
        title: 'List',
        kind: 'execute',
        state: 'completed',
        input: { command: 'ls' },
        output: 'a.txt',
        error: null,
      },
      { type: 'text', text: 'Done' },
      { type: 'step-finish' },
    ]);
  });

  it.each<[string, Partial<Turn>, number]>([
    ['one that waits has no answer yet', { state: 'queued', startedAt: null, endedAt: null }, 1],
    ['one that was dropped has none either', { state: 'cancelled', startedAt: null }, 1],
    ['one whose agent stopped before its turn came has none', { state: 'interrupted', startedAt: null }, 1],
    ['one that runs has the beginning of one', { state: 'running', endedAt: null }, 2],
    ['one that could not begin says so', { state: 'failed', startedAt: null, error: 'no runtime' }, 2],
  ])('%s', (_what, fields, count) => {
    expect(messagesOfTurn(turn(fields), [])).toHaveLength(count);
  });

  it.each<[string, Record<string, unknown>, Partial<Turn>, object]>([
    ['pending', { status: 'pending' }, { endedAt: null }, { state: 'pending', output: null, error: null }],
    ['running', { status: 'in_progress' }, { endedAt: null }, { state: 'running', endedAt: null }],
    ['failed', { status: 'failed', output: 'no' }, {}, { state: 'error', output: null, error: 'no' }],
    ['failed without a word', { status: 'failed' }, {}, { state: 'error', error: 'The tool failed' }],
    ['cut off', { status: 'in_progress' }, { state: 'cancelled' }, { state: 'error', endedAt: at(9) }],
    ['with output as text', { status: 'completed', output: 'x' }, {}, { output: 'x' }],
    ['with output in pieces', { status: 'completed', outputDelta: 'x' }, {}, { output: 'x' }],
    [
      'with output as content',
      { status: 'completed', content: [{ type: 'content', content: { type: 'text', text: 'x' } }] },
      {},
      { output: 'x' },
    ],
    ['with output nobody foresaw', { status: 'completed', output: { lines: 2 } }, {}, { output: '{"lines":2}' }],
    [
      'with a diff',
      {
        status: 'completed',
        content: [{ type: 'diff', path: 'a', oldText: null, newText: 'b' }, { type: 'diff' }, null],
      },
      {},
      { diffs: [{ path: 'a', oldText: null, newText: 'b' }] },
    ],
  ])('a tool: %s', (_what, data, fields, expected) => {
    const answer = answerOf(turn(fields), event('tool_call', { toolCallId: 'c', ...data }));
    expect(answer?.parts).toMatchObject([{ type: 'tool', callId: 'c', ...expected }]);
  });
});
