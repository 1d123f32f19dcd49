import { In } from 'typeorm';
import type { Tx } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { AgentRequest } from './agent-request.entity.js';
import type { SessionLog } from './session-log.js';
import type { Session } from './session.entity.js';

/** Announces that a request needs no answer any more. */
export async function announceAnswer(tx: Tx, request: AgentRequest): Promise<void> {
  const agent = await tx.of(Agent).findOneBy({ id: request.agentId });
  if (!agent) return;
  const type = request.kind === 'approval' ? 'approval.answered' : 'question.answered';
  const data = { requestId: request.id, sessionId: request.sessionId, turnId: request.turnId, by: request.answeredBy };
  await tx.emit({ type, orgId: agent.orgId, agentId: agent.id, data });
}

/**
 * Closes what a turn still asks, visibly: nobody waits for the answers any more. Answers under way count as given.
 * `session` must be locked. Returns the requests that were open.
 */
export async function closeRequests(
  tx: Tx,
  log: SessionLog,
  session: Session,
  turnId: string,
  closed: { readonly by: string; readonly at: Date },
): Promise<AgentRequest[]> {
  const pending = await tx.of(AgentRequest).find({
    where: { turnId, state: In(['open', 'answering']) },
    order: { createdAt: 'ASC' },
    lock: { mode: 'pessimistic_write' },
  });
  const open = pending.filter((request) => request.state === 'open');
  for (const request of pending) {
    if (request.state === 'answering') request.state = 'answered';
    else Object.assign(request, { state: 'cancelled', answeredBy: closed.by, answeredAt: closed.at });
    await tx.of(AgentRequest).save(request);
  }
  for (const request of open) {
    const kind = request.kind === 'approval' ? 'approval_answered' : 'question_answered';
    log.append(session, kind, { requestId: request.id, cancelled: true, by: closed.by }, { turnId });
    await announceAnswer(tx, request);
  }
  return open;
}
