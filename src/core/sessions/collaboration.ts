import type { Tx } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { announce } from './activity-news.js';
import { Activity } from './activity.entity.js';
import type { Turn } from './turn.entity.js';

/** Id of the line in the asking agent's timeline. */
export const collaborationIdOf = (turnId: string): string => `${turnId}:asked`;

/** One agent asks another: a line in the timeline of the one that asks, and an announcement. */
export async function recordCollaboration(tx: Tx, target: Agent, turn: Turn): Promise<void> {
  const { sourceAgentId, lane } = turn;
  const source = sourceAgentId === null ? null : await tx.of(Agent).findOneBy({ id: sourceAgentId });
  if (!source) return;
  const activity = new Activity();
  Object.assign(activity, {
    id: collaborationIdOf(turn.id),
    agentId: source.id,
    turnId: turn.id,
    parentId: null,
    type: 'collaboration',
    state: 'started',
    userId: turn.userId,
    triggeredBy: 'agent',
    details: { title: target.slug, source: source.slug, target: target.slug, lane },
    error: null,
    startedAt: turn.createdAt,
    endedAt: null,
  });
  await tx.of(Activity).save(activity);
  await announce(tx, source.orgId, source.id, activity);
  const data = { turnId: turn.id, source: source.slug, target: target.slug, lane };
  await tx.emit({ type: 'agent.collaborated', orgId: target.orgId, agentId: target.id, data });
}

/** Announces that the line in the asking agent's timeline has ended, where there is one. */
export async function collaborationEnded(tx: Tx, turn: Turn): Promise<void> {
  if (turn.sourceAgentId === null) return;
  const activity = await tx.of(Activity).findOneBy({ id: collaborationIdOf(turn.id) });
  const source = activity && (await tx.of(Agent).findOneBy({ id: activity.agentId }));
  if (source) await announce(tx, source.orgId, source.id, activity);
}
