import { modelFailed, outcomeOf } from './ingest-responses.js';

const turn = { cancelRequested: false, error: null, answer: null };
const end = (stopReason: string) => ({ result: { stopReason }, error: null });
const failure = { result: undefined, error: { code: -32603, message: 'Internal error: no' } };
const late = 'The turn took longer than the 60 s this agent is allowed';

describe('how a turn ends', () => {
  it.each([
    ['an ordinary end', turn, end('end_turn'), 'finished', undefined],
    ['too many tokens', turn, end('max_tokens'), 'finished', undefined],
    ['an error', turn, failure, 'failed', 'Internal error: no'],
    ['cancelled by a person', { ...turn, cancelRequested: true }, end('cancelled'), 'cancelled', undefined],
    ['an error after a cancel', { ...turn, cancelRequested: true }, failure, 'cancelled', undefined],
    ['out of time', { ...turn, cancelRequested: true, error: late }, end('cancelled'), 'failed', late],
    ['cancelled by the runtime itself', turn, end('cancelled'), 'cancelled', undefined],
    [
      'a failure told as text',
      { ...turn, error: modelFailed, answer: '{"error":{"message":"quota"}}\n' },
      end('end_turn'),
      'failed',
      'quota',
    ],
    [
      'a failure told in words',
      { ...turn, error: modelFailed, answer: 'no luck' },
      end('end_turn'),
      'failed',
      'no luck',
    ],
    ['a failure without a reason', { ...turn, error: modelFailed }, end('end_turn'), 'failed', modelFailed],
    ['ended by us', { ...turn, error: 'reason', answer: 'words' }, end('end_turn'), 'failed', 'reason'],
  ] as const)('%s', (_what, before, effect, state, error) => {
    const outcome = outcomeOf(before, effect);
    expect([outcome.state, outcome.error]).toEqual([state, error]);
  });
});
