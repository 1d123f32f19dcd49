import { nextOf } from './turn.rules.js';

const turn = (id: string, lane: 'chat' | 'task', state: 'queued' | 'running', cancelRequested = false) => ({
  id,
  lane,
  state,
  cancelRequested,
});

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
  ])('%s', (_what, turns, expected) => {
    expect(nextOf(turns).map(({ id }) => id)).toEqual(expected);
  });
});
