import { WrongState } from '../errors/domain-error.js';

export type InstanceState = 'provisioning' | 'running' | 'stopping' | 'stopped' | 'failed' | 'removed';
export type InstanceAction = 'ready' | 'start' | 'stop' | 'halted' | 'exited' | 'fail' | 'remove';

/**
 * The whole lifecycle on one page: state -> action -> next state. A missing cell is a refused action.
 * `exited` is a container that ended by itself or from outside; `stop` may arrive while provisioning.
 */
const transitions: Record<InstanceState, Partial<Record<InstanceAction, InstanceState>>> = {
  provisioning: { ready: 'running', stop: 'stopping', exited: 'provisioning', fail: 'failed', remove: 'removed' },
  running: { stop: 'stopping', exited: 'stopped', start: 'provisioning', fail: 'failed', remove: 'removed' },
  stopping: { halted: 'stopped', exited: 'stopped', fail: 'failed', remove: 'removed' },
  stopped: { start: 'provisioning', exited: 'stopped', halted: 'stopped', fail: 'failed', remove: 'removed' },
  failed: { start: 'provisioning', stop: 'stopping', exited: 'failed', halted: 'stopped', remove: 'removed' },
  removed: {},
};

export function next(state: InstanceState, action: InstanceAction): InstanceState {
  const target = transitions[state][action];
  if (!target) throw new WrongState('instance', state, action);
  return target;
}

export function can(state: InstanceState, action: InstanceAction): boolean {
  return transitions[state][action] !== undefined;
}
