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

/** The word under which a line of the timeline began: it keeps it when it ends, and its state says so. */
export function activityTypeOf({ type }: Pick<Activity, 'type'>): ActivityWord {
  if (type === 'tool_call') return 'tool_call';
  return type === 'collaboration' ? 'agent_collaboration' : `${type}_start`;
}

/**
 * The word for a line where only `wanted` ones are asked for; null when none of them fits. A chat or the run of a schedule
 * that has ended goes by `chat_end` and `schedule_end` too, and is shown once.
 */
export function activityWordIn(
  wanted: ReadonlySet<string> | null,
  activity: Pick<Activity, 'type' | 'state'>,
): ActivityWord | null {
  const word = activityTypeOf(activity);
  if (!wanted || wanted.has(word)) return word;
  const { type, state } = activity;
  const end = (type === 'chat' || type === 'schedule') && state !== 'started' ? (`${type}_end` as const) : null;
  return end !== null && wanted.has(end) ? end : null;
}

/** What is stored under one of those words. */
export function activityKindOf(word: string): Activity['type'] | null {
  if (word === 'tool_call') return 'tool_call';
  if (word === 'agent_collaboration') return 'collaboration';
  if (word === 'chat_start' || word === 'chat_end') return 'chat';
  return word === 'schedule_start' || word === 'schedule_end' ? 'schedule' : null;
}

/** The label older clients send for the stock image; any tag of it means our own image of the runtime. */
export const stockImage = /^trinity-agent-base(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$/;
