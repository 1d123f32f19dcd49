import type { Activity } from './activity.entity.js';
import type { Turn } from './turn.entity.js';

/** Tasks an agent works on at once, beside the chat. */
export const tasksAtOnce = 3;

/**
 * Which waiting turns may be sent now, in order: one chat when none runs, and tasks up to their number. One that is
 * being cancelled is no more sent, but counts as long as it runs.
 */
export function nextOf<T extends Pick<Turn, 'lane' | 'state' | 'cancelRequested'>>(turns: readonly T[]): T[] {
  const running = (lane: Turn['lane']): number =>
    turns.filter((turn) => turn.state === 'running' && turn.lane === lane).length;
  const free = { chat: 1 - running('chat'), task: tasksAtOnce - running('task') };
  return turns.filter((turn) => turn.state === 'queued' && !turn.cancelRequested && free[turn.lane]-- > 0);
}

/** Who began a turn, in the words of the timeline. */
export function causeOf({ origin, sourceAgentId }: Pick<Turn, 'origin' | 'sourceAgentId'>): Activity['triggeredBy'] {
  if (origin && !origin.manual) return 'schedule';
  return sourceAgentId === null ? 'user' : 'agent';
}
