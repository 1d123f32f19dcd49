import type { Agent } from '../agents/agent.entity.js';
import { boundTo, isAdmin, type Principal, type Right, rights } from './principal.js';

/**
 * What a caller may do to one agent; null: nothing, they may not even know it exists.
 * Membership of the agent's organisation alone gives nothing.
 * @param shared whether the agent is shared with the caller's e-mail address
 */
export function rightOn(who: Principal, agent: Pick<Agent, 'id' | 'ownerId' | 'orgId'>, shared: boolean): Right | null {
  if (who.within !== undefined && who.within !== agent.orgId) return null;
  const bound = boundTo(who);
  if (bound !== null) return bound === agent.id ? 'operate' : null;
  if (isAdmin(who) || agent.ownerId === who.userId) return 'own';
  return shared ? 'operate' : null;
}

/** Whether holding one right includes another: own > operate > view. */
export function includes(held: Right, asked: Right): boolean {
  return rights.indexOf(held) >= rights.indexOf(asked);
}
