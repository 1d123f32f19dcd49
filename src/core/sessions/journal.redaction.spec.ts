import { Redactor } from '../credentials/redactor.js';
import type { Effect } from './journal.effects.js';
import { JournalFold } from './journal.fold.js';
import { LineSplitter } from './line-splitter.js';

const secret = 'sk-4711-given"value';
const redactor = Redactor.of([secret]);

const update = (fields: object): object => ({ method: 'session/update', params: { sessionId: 's', update: fields } });
const says = (text: string): object =>
  update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });
const tool = (fields: object): object => update({ sessionUpdate: 'tool_call_update', toolCallId: 'c1', ...fields });
const piece = (data: string): object => tool({ _meta: { terminal_output_delta: { data } } });
const growing = (output: string, status: string): object =>
  tool({ toolCallId: 'c2', status, rawOutput: { output }, content: [{ type: 'content', content: { text: output } }] });

/** The value whole, torn in text and in output, escaped, and in an output that still grows. */
const lines = [
  tool({ sessionUpdate: 'tool_call', title: `echo ${secret}`, kind: 'execute', rawInput: { command: secret } }),
  piece('K=sk-47'),
  says('It is sk-'),
  piece('11-giv'),
  piece('en"value\n'),
  tool({ status: 'completed' }),
  says('It is s'),
  says('k-4711-'),
  says('given"val'),
  says('ue, sk'),
  growing('K=sk-4711', 'in_progress'),
  growing(`K=${secret}`, 'completed'),
  update({ sessionUpdate: 'session_info_update', title: secret }),
  update({ sessionUpdate: 'plan', entries: [{ content: secret }] }),
  {
    id: 7,
    method: 'session/request_permission',
    params: { sessionId: 's', toolCall: { toolCallId: 'c1', title: secret }, options: [{ optionId: secret }] },
  },
  says(`${secret} again`),
  piece('left open sk-4711'),
  { id: 'x', error: { code: 1, message: `failed with ${secret}` } },
  { id: 'turn:t', result: { stopReason: 'end_turn', said: secret } },
];
const journal = Buffer.from(lines.map((line) => `${JSON.stringify({ jsonrpc: '2.0', ...line })}\n`).join(''));

/** Reads in pieces; where `cut` says so, the reader dies and another one goes on from what was stored. */
function read(pieceLength: () => number, cut: () => boolean): { stored: Effect[]; streamed: Effect[] } {
  const stored: Effect[] = [];
  const streamed: Effect[] = [];
  let [cursor, applied] = [0, 0];
  for (let over = false; !over;) {
    const fold = new JournalFold(1, undefined, redactor);
    const splitter = new LineSplitter(cursor);
    for (let at = cursor; ;) {
      if (at >= journal.length) {
        over = true;
        break;
      }
      const data = journal.subarray(at, at + pieceLength());
      at += data.length;
      const found = splitter.push(data).map((line) => fold.feed(line));
      for (const { offset, end, effects, resumeAt } of found) {
        streamed.push(...effects.filter(({ type }) => type === 'delta'));
        if (offset < applied) continue;
        stored.push(...effects.filter(({ type }) => type !== 'delta'));
        [cursor, applied] = [resumeAt, end];
      }
      if (cut()) break;
    }
  }
  return { stored, streamed };
}

const whole = (): number => 1 << 20;
const texts = (effects: readonly Effect[]): unknown[] =>
  effects.flatMap((effect) =>
    effect.type === 'event' && effect.kind === 'agent_message' ? [effect.data['text']] : [],
  );
const output = (effects: readonly Effect[]): string =>
  effects.flatMap((effect) => (effect.type === 'tool' ? [effect.fields.outputDelta ?? ''] : [])).join('');

describe('taking given values out of a journal', () => {
  it('leaves none of it in what is stored or streamed, and everything else', () => {
    const { stored, streamed } = read(whole, () => false);
    const kept = stored.filter((effect) => effect.type !== 'request');
    for (const text of [JSON.stringify(kept), JSON.stringify(streamed)]) {
      expect(text).not.toMatch(/sk-4711|given\\?"value/);
    }
    expect(texts(stored)).toEqual(['It is sk-', 'It is [redacted], sk', '[redacted] again']);
    expect(streamed.map((effect) => (effect.type === 'delta' ? [effect.charOffset, effect.text] : []))).toEqual([
      [0, 'It is '],
      [0, 'It is '],
      [6, '[redacted], '],
      [0, '[redacted] again'],
    ]);
    expect(output(stored)).toBe('K=[redacted]\nleft open ');
    expect(stored).toContainEqual(expect.objectContaining({ type: 'title', title: '[redacted]' }));
    expect(stored.find(({ type }) => type === 'request')).toMatchObject({
      params: { toolCall: { toolCallId: 'c1', title: '[redacted]' }, options: [{ optionId: secret }] },
    });
    expect(stored.find((effect) => effect.type === 'response' && effect.id === 'x')).toMatchObject({
      error: { message: 'failed with [redacted]' },
    });
    expect(stored.find((effect) => effect.type === 'tool' && effect.toolCallId === 'c2')).toMatchObject({
      fields: { output: { output: 'K=[redacted]' }, status: 'in_progress' },
    });
  });

  it('also wherever reading is cut', () => {
    const all = read(whole, () => false);
    for (let seed = 1; seed <= 200; seed += 1) {
      let state = seed;
      const random = (below: number): number => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state % below;
      };
      let left = 30;
      const cut = read(
        () => 1 + random(300),
        () => (left -= 1) > 0 && random(3) === 0,
      );
      expect(texts(cut.stored)).toEqual(texts(all.stored));
      expect(output(cut.stored)).toBe(output(all.stored));
      expect(JSON.stringify(cut.streamed)).not.toMatch(/sk-4711/);
    }
  });
});
