import { phaseOf } from './instance.phase.js';

const later = new Date('2026-03-01T12:00:00Z');

it.each([
  ['runs', 'running', 'running', null, 'running'],
  ['is being stopped', 'stopping', 'stopped', null, 'stopping'],
  ['rests', 'stopped', 'stopped', null, 'stopped'],
  ['was asked to start a moment ago', 'stopped', 'running', null, 'provisioning'],
  ['is taken down to be started again', 'stopping', 'running', null, 'provisioning'],
  ['waits for its next attempt', 'stopped', 'running', later, 'stopped'],
  ['failed an attempt to start', 'provisioning', 'running', later, 'provisioning'],
  ['was given up', 'failed', 'running', null, 'failed'],
] as const)('one that %s', (_what, state, desired, retryAt, phase) => {
  expect(phaseOf({ state, desired, retryAt })).toBe(phase);
});
