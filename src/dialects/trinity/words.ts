import type { Activity } from '../../core/sessions/activity.entity.js';
import type { InstanceState } from '../../core/instances/instance.lifecycle.js';

/** Documented words for the state of an agent: what runs is `running`, what is on its way `restarting`, all else `stopped`. */
export function statusOf(state: InstanceState | null): 'running' | 'restarting' | 'stopped' {
  if (state === 'running') return 'running';
  return state === 'provisioning' ? 'restarting' : 'stopped';
}

/** A chat is two words here: where it starts and where it ends. */
export function activityTypeOf(activity: Pick<Activity, 'type' | 'state'>): 'chat_start' | 'chat_end' | 'tool_call' {
  if (activity.type === 'tool_call') return 'tool_call';
  return activity.state === 'started' ? 'chat_start' : 'chat_end';
}

/** The label older clients send for the stock image; any tag of it means our own image of the runtime. */
export const stockImage = 'trinity-agent-base';
