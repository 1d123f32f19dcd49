import { checkTimeout, dueOf, idleBecause, mayChange, statusOf } from './schedule.rules.js';

const at = (time: string): Date => new Date(`2026-03-01T${time}:00Z`);

describe('what is run of what came due', () => {
  it.each([
    ['just now', { count: 1, newest: at('12:00') }, { run: at('12:00'), missed: 0 }],
    ['ten minutes late', { count: 1, newest: at('11:50') }, { run: at('11:50'), missed: 0 }],
    ['eleven minutes late', { count: 1, newest: at('11:49') }, { run: null, missed: 1 }],
    ['the newest of many', { count: 7, newest: at('11:58') }, { run: at('11:58'), missed: 6 }],
    ['many, all too late', { count: 7, newest: at('10:00') }, { run: null, missed: 7 }],
    ['the clock was set back', { count: 1, newest: at('12:30') }, { run: at('12:30'), missed: 0 }],
  ])('%s', (_what, planned, expected) => {
    expect(dueOf(planned, at('12:00'))).toEqual(expected);
  });
});

it.each([
  ['pending', null, 'pending'],
  ['skipped', null, 'skipped'],
  ['failed', null, 'failed'],
  ['sent', 'queued', 'pending'],
  ['sent', 'running', 'running'],
  ['sent', 'finished', 'success'],
  ['sent', 'failed', 'failed'],
  ['sent', 'cancelled', 'failed'],
  ['sent', 'interrupted', 'failed'],
] as const)('an execution that is %s, its turn %s, is %s', (state, turn, expected) => {
  expect(statusOf({ state }, turn && { state: turn })).toBe(expected);
});

it.each([
  [true, true, null],
  [false, true, 'The schedule is disabled'],
  [true, false, 'Autonomy is off for this agent'],
])('enabled %s and autonomy %s: idle because %s', (enabled, autonomy, expected) => {
  expect(idleBecause({ enabled, nextRunAt: at('12:00') }, { autonomy })).toBe(expected);
});

it.each([59, 7201, 300.5, 'x', true, null, undefined, Number.NaN])('%p is no time limit', (seconds) => {
  expect(() => checkTimeout(seconds)).toThrow('a whole number from 60 to 7200');
});

it.each([60, 300, 7200])('%p is a time limit', (seconds) => {
  expect(checkTimeout(seconds)).toBe(seconds);
});

it('is changed by its creator or an owner, never by an agent', () => {
  const who = (userId: string, agentId: string | null = null) =>
    ({ userId, via: { kind: 'key', keyId: 'k', agentId } }) as never;
  const schedule = { createdBy: 'anna' };
  expect(mayChange(who('anna'), schedule, 'operate')).toBe(true);
  expect(mayChange(who('bert'), schedule, 'operate')).toBe(false);
  expect(mayChange(who('bert'), schedule, 'own')).toBe(true);
  expect(mayChange(who('anna', 'agent'), schedule, 'operate')).toBe(false);
});
