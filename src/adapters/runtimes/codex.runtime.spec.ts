import { codex } from './codex.runtime.js';

const chunk = (text: string, messageId?: string) => ({
  sessionUpdate: 'agent_message_chunk',
  content: { type: 'text', text },
  ...(messageId ? { messageId } : {}),
});
const status = (type: string) => ({
  sessionUpdate: 'session_info_update',
  _meta: { codex: { threadStatus: { type } } },
});

describe('what Codex means', () => {
  it.each([
    ['its own warning', chunk('Warning: Model metadata for `m` not found.'), 'ignore'],
    ['a warning the model says', chunk('Warning: do not do that', 'msg_1'), null],
    ['an answer', chunk('done', 'msg_1'), null],
    ['an error as text', chunk('{"error":{"message":"no"}}'), null],
    ['a failed thread', status('systemError'), 'failing'],
    ['an idle thread', status('idle'), null],
    ['a title', { sessionUpdate: 'session_info_update', title: 'x' }, null],
    ['something new', { sessionUpdate: 'new', content: null, _meta: null }, null],
  ] as const)('%s', (_what, update, meaning) => {
    expect(codex.readUpdate?.(update)).toBe(meaning);
  });
});
