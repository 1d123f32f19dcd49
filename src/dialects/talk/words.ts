import type { InstanceState } from '../../core/instances/instance.lifecycle.js';

/** What a visitor needs to know of an agent's state. */
export type PageState = 'starting' | 'running' | 'stopped' | 'failed';

const words: Record<InstanceState, PageState> = {
  provisioning: 'starting',
  running: 'running',
  stopping: 'stopped',
  stopped: 'stopped',
  failed: 'failed',
  removed: 'stopped',
};

export const stateOf = (state: InstanceState): PageState => words[state];
