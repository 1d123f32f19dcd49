import { Conflict, TimedOut, Unavailable, Upstream, type DomainError } from '../../core/errors/domain-error.js';
import type { Turn } from '../../core/sessions/turn.entity.js';

/** Words for a message that got no answer: what happened to its turn, and why. */
export function chatFailure(turn: Pick<Turn, 'state' | 'error' | 'cancelRequested'>): DomainError {
  const reason = turn.error ?? 'no reason was given';
  if (turn.state === 'cancelled') return new Conflict('The message was cancelled', 'turn_cancelled');
  if (turn.state === 'interrupted') return new Unavailable(`The agent was interrupted: ${reason}`, 'turn_interrupted');
  if (turn.cancelRequested) return new TimedOut(reason, 'execution_timeout');
  return new Upstream(`The agent failed: ${reason}`, 'turn_failed');
}
