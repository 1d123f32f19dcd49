import type { Effect } from './journal.effects.js';
import { JournalFold } from './journal.fold.js';
import { LineSplitter } from './line-splitter.js';

const update = (fields: Record<string, unknown>): string =>
  JSON.stringify({ jsonrpc: '2.0', method: 'session/update', params: { sessionId: 's', update: fields } });
const chunk = (text: string): string =>
  update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });

function read(fold: JournalFold, lines: string[], start = 0): { effects: Effect[]; cursor: number } {
  const splitter = new LineSplitter(start);
  const read = splitter.push(Buffer.from(lines.map((text) => `${text}\n`).join(''))).map((line) => fold.feed(line));
  return { effects: read.flatMap((line) => line.effects), cursor: read.at(-1)?.resumeAt ?? start };
}

describe('folding a journal', () => {
  it('streams text at once and stores it merged when something else follows', () => {
    const fold = new JournalFold(1);
    const first = read(fold, [chunk('Hel'), chunk('lo')]);
    expect(first.effects).toEqual([
      { type: 'delta', session: 's', messageId: 'm1-0', charOffset: 0, text: 'Hel', thought: false },
      { type: 'delta', session: 's', messageId: 'm1-0', charOffset: 3, text: 'lo', thought: false },
    ]);
    const done = read(fold, ['{"jsonrpc":"2.0","id":"turn:t","result":{"stopReason":"end_turn"}}'], 1000);
    expect(done.effects.map((effect) => effect.type)).toEqual(['event', 'response']);
    expect(done.effects[0]).toMatchObject({
      kind: 'agent_message',
      data: { messageId: 'm1-0', text: 'Hello' },
      offset: 0,
    });
  });

  it('never moves the cursor past an open text, and reads it again under the same id', () => {
    const prefix = update({ sessionUpdate: 'plan', entries: [] });
    const { cursor } = read(new JournalFold(2), [prefix, chunk('a'), chunk('b')]);
    expect(cursor).toBe(prefix.length + 1);
    const again = read(new JournalFold(2), [chunk('a'), chunk('b')], cursor);
    expect(again.effects[0]).toMatchObject({ messageId: `m2-${cursor}`, charOffset: 0, text: 'a' });
  });

  it('keeps request id 0 apart from "0"', () => {
    const request = (id: unknown): string =>
      JSON.stringify({ id, method: 'session/request_permission', params: { sessionId: 's' } });
    const { effects } = read(new JournalFold(1), [request(0), request('0')]);
    expect(effects.map((effect) => effect.type === 'request' && effect.rpcId)).toEqual(['0', '"0"']);
  });

  it('takes only what a tool update changes', () => {
    const { effects } = read(new JournalFold(1), [
      update({ sessionUpdate: 'tool_call', toolCallId: 'c', title: 'bash', status: 'pending', rawInput: {} }),
      update({ sessionUpdate: 'tool_call_update', toolCallId: 'c', status: 'completed', rawOutput: { output: 'hi' } }),
    ]);
    expect(effects).toMatchObject([
      { type: 'tool', first: true, fields: { title: 'bash', status: 'pending' } },
      { type: 'tool', first: false, fields: { status: 'completed', output: { output: 'hi' } } },
    ]);
    expect(effects[0]).not.toHaveProperty('fields.input');
  });

  it('survives noise, unknown kinds and the end', () => {
    const { effects } = read(new JournalFold(1), [
      'not json',
      '[1]',
      '',
      '{"method":"_auth/status_update","params":{}}',
      update({ sessionUpdate: 'something_new' }),
      chunk('partial'),
      '{"jsonrpc":"2.0","method":"_flotilla/end","params":{"code":137}}',
    ]);
    expect(effects.map((effect) => effect.type)).toEqual(['noise', 'noise', 'delta', 'event', 'end']);
  });
});

describe('what a runtime may send', () => {
  const texts = (effects: readonly Effect[]): unknown[] =>
    effects.flatMap((effect) => (effect.type === 'event' ? [effect.data['text']] : []));
  const said = (text: string, messageId: string): string =>
    update({ sessionUpdate: 'agent_message_chunk', messageId, content: { type: 'text', text } });

  it('keeps the words that session/load replayed apart from those that follow its answer', () => {
    const { effects } = read(new JournalFold(1), [chunk('old'), '{"id":"load:s","result":{}}', chunk('new')]);
    expect(effects.map((effect) => effect.type)).toEqual(['delta', 'event', 'response', 'delta']);
    expect(texts(effects)).toEqual(['old']);
  });

  it('keeps messages apart that the runtime tells apart', () => {
    const { effects } = read(new JournalFold(1), [said('a', '1'), said('b', '1'), said('c', '2'), '{"id":"turn:t"}']);
    expect(texts(effects)).toEqual(['ab', 'c']);
  });

  it('stores a very long message in pieces that are told to belong together', () => {
    const { effects } = read(new JournalFold(1), [chunk('x'.repeat(200_001)), chunk('y'), '{"id":"turn:t"}']);
    const events = effects.filter((effect) => effect.type === 'event');
    expect(events.map((one) => one.data['continues'])).toEqual([undefined, true]);
  });

  it('replaces what no database stores', () => {
    const { effects } = read(new JournalFold(1), [
      chunk('a\u0000b\ud800c\u{1F600}'),
      update({ sessionUpdate: 'tool_call', toolCallId: 'c', rawInput: { 'k\u0000': ['\udc00'] } }),
    ]);
    expect(texts(effects)).toEqual(['a\ufffdb\ufffdc\u{1F600}']);
    expect(effects[2]).toMatchObject({ fields: { input: { 'k\ufffd': ['\ufffd'] } } });
  });

  it('does not tear a character when it cuts a large output', () => {
    const rawOutput = `${'x'.repeat(63_999)}\u{1F600}${'y'.repeat(10)}`;
    const { effects } = read(new JournalFold(1), [
      update({ sessionUpdate: 'tool_call_update', toolCallId: 'c', rawOutput }),
    ]);
    expect(JSON.stringify(effects)).not.toMatch(/\\ud83d/);
  });

  it('asks the runtime at hand what its own updates mean', () => {
    const fold = new JournalFold(1, (fields) => (fields['sessionUpdate'] === 'odd' ? 'failing' : null));
    expect(read(fold, [update({ sessionUpdate: 'odd' })]).effects).toEqual([{ type: 'failing', session: 's' }]);
  });

  it('ends an open text where a journal stops', () => {
    const fold = new JournalFold(1);
    read(fold, [chunk('half a sent')]);
    expect(texts(fold.finish(500).effects)).toEqual(['half a sent']);
  });
});

describe('cutting lines', () => {
  it('counts bytes, not characters, across pieces', () => {
    const splitter = new LineSplitter(10);
    const bytes = Buffer.from('ä\nb\nrest');
    expect(splitter.push(bytes.subarray(0, 1))).toEqual([]);
    expect(splitter.push(bytes.subarray(1))).toEqual([
      { offset: 10, end: 13, text: 'ä' },
      { offset: 13, end: 15, text: 'b' },
    ]);
    expect(splitter.position).toBe(15);
  });

  it('skips a line that is too long and goes on', () => {
    const splitter = new LineSplitter(0);
    const piece = Buffer.alloc(1 << 20, 97);
    for (let i = 0; i < 13; i += 1) splitter.push(piece);
    const [line] = splitter.push(Buffer.from('\nnext\n'));
    expect(line).toMatchObject({ text: 'next', offset: 13 * (1 << 20) + 1 });
    expect(splitter.skipped).toBe(1);
  });
});
