import { nextOf } from './turn.rules.js';

const turn = (
  id: string,
  lane: 'chat' | 'session' | 'task',
  state: 'queued' | 'running',
  cancelRequested = false,
  sessionId = `session of ${id}`,
) => ({ id, lane, state, cancelRequested, sessionId });

const inSession = (id: string, sessionId: string, state: 'queued' | 'running', cancelled = false) =>
  turn(id, 'session', state, cancelled, sessionId);

describe('which turns are sent', () => {
  it.each([
    ['nothing waits', [turn('a', 'chat', 'running')], []],
    ['one chat at a time', [turn('a', 'chat', 'queued'), turn('b', 'chat', 'queued')], ['a']],
    ['a chat that runs keeps others waiting', [turn('a', 'chat', 'running'), turn('b', 'chat', 'queued')], []],
    ['a task goes beside the chat', [turn('a', 'chat', 'running'), turn('b', 'task', 'queued')], ['b']],
    ['what is to be cancelled is not begun', [turn('a', 'chat', 'queued', true), turn('b', 'chat', 'queued')], ['b']],
    ['a cancelled one counts while it runs', [turn('a', 'chat', 'running', true), turn('b', 'chat', 'queued')], []],
    [
      'three tasks at once, in order',
      [
        turn('a', 'task', 'running'),
        turn('b', 'task', 'queued'),
        turn('c', 'chat', 'queued'),
        turn('d', 'task', 'queued'),
        turn('e', 'task', 'queued'),
      ],
      ['b', 'c', 'd'],
    ],
    [
      'conversations beside each other, each in its order',
      [inSession('a', '1', 'queued'), inSession('b', '1', 'queued'), inSession('c', '2', 'queued')],
      ['a', 'c'],
    ],
    ['a conversation that is busy waits', [inSession('a', '1', 'running'), inSession('b', '1', 'queued')], []],
    [
      'also when two APIs talk in it',
      [turn('a', 'chat', 'running', false, '1'), inSession('b', '1', 'queued'), inSession('c', '2', 'queued')],
      ['c'],
    ],
    ['one dropped keeps nobody waiting', [inSession('a', '1', 'queued', true), inSession('b', '1', 'queued')], ['b']],
    [
      'four conversations at once',
      [...'abcd'].map((id) => inSession(id, id, 'running')).concat(inSession('e', 'e', 'queued')),
      [],
    ],
  ])('%s', (_what, turns, expected) => {
    expect(nextOf(turns).map(({ id }) => id)).toEqual(expected);
  });
});
