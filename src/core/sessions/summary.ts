import type { Tx } from '../../platform/database/unit-of-work.js';
import { startOf } from './json.js';
import type { Session } from './session.entity.js';
import type { Turn } from './turn.entity.js';

/** Characters of earlier conversation that a summary holds at most, and of one message in it. */
const summaryLength = 6000;
const messageLength = 1500;

/**
 * What was said before a turn, when the runtime had to start the conversation anew since the last one; null otherwise.
 * Prompts that still wait are no part of it.
 */
export async function summaryFor(tx: Tx, session: Session, turn: Turn): Promise<string | null> {
  const [last] = await tx.query<{ kind: string }>(
    `select kind from session_events where session_id = $1
       and (kind = 'turn_started' or (kind = 'note' and data->>'summaryNeeded' = 'true')) order by seq desc limit 1`,
    [session.id],
  );
  if (last?.kind !== 'note') return null;
  const events = await tx.query<{ kind: string; text: string }>(
    `select e.kind, e.data->>'text' as text from session_events e join turns t on t.id = e.turn_id
     where e.session_id = $1 and e.kind in ('user_message', 'agent_message') and t.number < $2
     order by e.seq desc limit 40`,
    [session.id, turn.number],
  );
  if (events.length === 0) return null;
  const lines: string[] = [];
  for (const { kind, text } of events) {
    lines.unshift(`${kind === 'user_message' ? 'Person' : 'You'}: ${startOf(text, messageLength)}`);
    if (lines.join('\n').length > summaryLength) break;
  }
  return `[The conversation before this message, as a summary because it could not be loaded:\n${lines.join('\n')}\n]`;
}
