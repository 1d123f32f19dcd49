import type { Activity } from './activity.entity.js';
import type { Turn } from './turn.entity.js';

/** Tasks an agent works on at once, beside its conversations. */
export const tasksAtOnce = 3;

/** Conversations of one agent that go on at once, beside the chat. */
export const sessionsAtOnce = 4;

/**
 * Which waiting turns may be sent now, in order: one chat when none runs, of other conversations and of tasks up to their
 * number, and never two of one conversation. One that is being cancelled is no more sent, but counts as long as it runs.
 */
export function nextOf<T extends Pick<Turn, 'lane' | 'state' | 'cancelRequested' | 'sessionId'>>(
  turns: readonly T[],
): T[] {
  const running = turns.filter((turn) => turn.state === 'running');
  const left = (most: number, lane: Turn['lane']): number => most - running.filter((turn) => turn.lane === lane).length;
  const free = { chat: left(1, 'chat'), session: left(sessionsAtOnce, 'session'), task: left(tasksAtOnce, 'task') };
  const taken = new Set(running.map(({ sessionId }) => sessionId));
  return turns.filter(({ lane, state, cancelRequested, sessionId }) => {
    if (state !== 'queued' || cancelRequested || taken.has(sessionId)) return false;
    // Whether it may go or has to wait: what came later in its conversation does not overtake it.
    taken.add(sessionId);
    return free[lane]-- > 0;
  });
}

/** Who began a turn, in the words of the timeline. */
export function causeOf({ origin, sourceAgentId }: Pick<Turn, 'origin' | 'sourceAgentId'>): Activity['triggeredBy'] {
  if (origin && !origin.manual) return 'schedule';
  return sourceAgentId === null ? 'user' : 'agent';
}
