import type { Tx } from '../../platform/database/unit-of-work.js';
import type { Activity } from './activity.entity.js';

/** Announces a change of one line of the timeline. */
export async function announce(tx: Tx, orgId: string, agentId: string, activity: Activity | null): Promise<void> {
  if (!activity) return;
  const { id, type, state, details, error } = activity;
  const at = (activity.endedAt ?? activity.startedAt).toISOString();
  const data = { activityId: id, activityType: type, activityState: state, details: summary(details), error, at };
  await tx.emit({ type: 'agent.activity', orgId, agentId, data });
}

/** Events stay small: a tool's input and output are read from the timeline. */
function summary(details: Record<string, unknown>): Record<string, unknown> {
  const { tool, title, kind, outcome, source, target } = details;
  const shown = Object.entries({ tool, title, kind, outcome, source, target });
  return Object.fromEntries(shown.filter(([, value]) => value !== undefined));
}
