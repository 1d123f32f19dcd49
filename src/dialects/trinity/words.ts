import type { Activity } from '../../core/sessions/activity.entity.js';
import type { InstanceState } from '../../core/instances/instance.lifecycle.js';

/** Documented words for the state of an agent: what runs is `running`, what is on its way `restarting`, all else `stopped`. */
export function statusOf(state: InstanceState | null): 'running' | 'restarting' | 'stopped' {
  if (state === 'running') return 'running';
  return state === 'provisioning' ? 'restarting' : 'stopped';
}

export const activityTypes = [
  'chat_start',
  'chat_end',
  'schedule_start',
  'schedule_end',
  'tool_call',
  'agent_collaboration',
] as const;
export type ActivityWord = (typeof activityTypes)[number];

/** A chat and the run of a schedule are two words here: where they start and where they end. */
export function activityTypeOf({ type, state }: Pick<Activity, 'type' | 'state'>): ActivityWord {
  if (type === 'tool_call') return 'tool_call';
  if (type === 'collaboration') return 'agent_collaboration';
  return state === 'started' ? `${type}_start` : `${type}_end`;
}

/** What is stored under one of those words. */
export function activityKindOf(word: string): Activity['type'] | null {
  if (word === 'tool_call') return 'tool_call';
  if (word === 'agent_collaboration') return 'collaboration';
  if (word === 'chat_start' || word === 'chat_end') return 'chat';
  return word === 'schedule_start' || word === 'schedule_end' ? 'schedule' : null;
}

/** The label older clients send for the stock image; any tag of it means our own image of the runtime. */
export const stockImage = 'trinity-agent-base';
