import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { Conflict, Hidden, Invalid, NotFound } from '../errors/domain-error.js';
import { Instance } from '../instances/instance.entity.js';
import { AgentRequest } from './agent-request.entity.js';
import { RequestSettling, type AfterReject, type Settlement } from './request-settling.service.js';
import {
  covers,
  elicitationResult,
  faultOf,
  permissionResult,
  rememberedWith,
  type ApprovalDecision,
  type ApprovalPayload,
  type QuestionAnswer,
  type QuestionPayload,
} from './request.rules.js';
import { checkPrompt } from './turn-intake.service.js';

/** An open request with the agent it belongs to. */
export interface PendingRequest {
  readonly request: AgentRequest;
  readonly agent: Agent;
}

/** Approvals and questions: listed, and answered exactly once, by whoever comes first. */
@Injectable()
export class Requests {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly clock: Clock,
    private readonly settling: RequestSettling,
  ) {}

  /** Open requests of all agents the caller may see, oldest first; at most 500. */
  async pending(who: Principal, kind: AgentRequest['kind']): Promise<PendingRequest[]> {
    const { sql, values } = this.access.visibleAgentsWhere(who, 2);
    const rows = await this.db.query<{ id: string }>(
      `select r.id from agent_requests r join agents a on a.id = r.agent_id
       where r.kind = $1 and r.state = 'open' and ${sql} order by r.created_at limit 500`,
      [kind, ...values],
    );
    if (rows.length === 0) return [];
    const requests = await this.db
      .of(AgentRequest)
      .find({ where: { id: In(rows.map((row) => row.id)), state: 'open' }, order: { createdAt: 'ASC' } });
    const agents = await this.db.of(Agent).findBy({ id: In(requests.map((request) => request.agentId)) });
    const byId = new Map(agents.map((agent) => [agent.id, agent]));
    return requests.flatMap((request) => {
      const agent = byId.get(request.agentId);
      return agent ? [{ request, agent }] : [];
    });
  }

  /** Open requests of one agent, oldest first. The caller may `view` the agent. */
  openOf(agent: Agent, kind: AgentRequest['kind'], sessionId?: string): Promise<AgentRequest[]> {
    const where = {
      agentId: agent.id,
      kind,
      state: 'open',
      ...(sessionId === undefined ? {} : { sessionId }),
    } as const;
    return this.db.of(AgentRequest).find({ where, order: { createdAt: 'ASC', id: 'ASC' }, take: 500 });
  }

  async get(who: Principal, kind: AgentRequest['kind'], id: string): Promise<PendingRequest> {
    const request = await this.db.of(AgentRequest).findOneBy({ id, kind });
    if (!request) throw new NotFound(kind, id);
    const agent = await this.access.agent(who, { id: request.agentId }, 'view').catch((error: unknown) => {
      // Told in the same words as an id that nothing has; the agent's own id would tell more.
      throw error instanceof Hidden || error instanceof NotFound ? new NotFound(kind, id) : error;
    });
    return { request, agent };
  }

  /**
   * `always` also remembers the shown pattern for this agent, and allows what else it covers in that conversation. A reject
   * with `after` rejects whatever else waits there, and ends the turn or tells the agent why, as its next prompt.
   * Throws `Conflict` when it was answered before.
   */
  async decide(
    who: Principal,
    id: string,
    decision: ApprovalDecision,
    after: AfterReject | null = null,
  ): Promise<AgentRequest> {
    const { request } = await this.get(who, 'approval', id);
    await this.access.agent(who, { id: request.agentId }, 'operate');
    if (after?.message) checkPrompt(after.message);
    const covering = decision === 'always' || (decision === 'reject' && after !== null);
    return this.settling.settle(who, id, {
      answer: (row, agent) => {
        // Covered by a reject: nobody will answer it any more.
        if (row.kind === 'question') {
          return { by: who.userId, ...questionAnswer(row.payload as unknown as QuestionPayload, null) };
        }
        if (decision === 'always') agent.alwaysAllowed = [...rememberedWith(agent.alwaysAllowed, row.pattern)];
        const result = permissionResult(row.payload as unknown as ApprovalPayload, decision);
        return { by: who.userId, state: 'answered', answer: { decision }, result };
      },
      ...(covering ? { covers: (row, other) => covers(decision, row, other) } : {}),
      ...(decision === 'reject' && after ? { after } : {}),
    });
  }

  /** `answers` null declines. Throws `Invalid` when they do not fit the questions, `Conflict` when it was answered before. */
  async answer(who: Principal, id: string, answers: QuestionAnswer): Promise<AgentRequest> {
    const { request } = await this.get(who, 'question', id);
    await this.access.agent(who, { id: request.agentId }, 'operate');
    const payload = request.payload as unknown as QuestionPayload & { readonly schema?: unknown };
    const fault = faultOf(payload, answers);
    if (fault !== null) throw new Invalid(fault, [], 'answer_does_not_fit');
    return this.settling.settle(who, id, { answer: () => ({ by: who.userId, ...questionAnswer(payload, answers) }) });
  }

  /** Brings answers that are stored, and could not be carried before, to runtimes that still live. */
  async carryAgain(): Promise<void> {
    const rows = await this.db.query<{ id: string; instance_id: string }>(
      `select r.id, r.instance_id from agent_requests r
       join generations g on g.instance_id = r.instance_id and g.number = r.generation and g.state = 'ready'
       join instances i on i.id = g.instance_id and i.state = 'running' and i.boot = g.boot
       where r.state = 'answering'`,
    );
    for (const { id, instance_id } of rows) {
      const instance = await this.db.of(Instance).findOneBy({ id: instance_id });
      if (instance) void this.settling.carry(instance, id);
    }
  }

  /** Rejects what nobody answered in time. */
  async expire(): Promise<void> {
    const due = await this.db.query<{ id: string }>(
      `select id from agent_requests where state = 'open' and expires_at <= $1 order by expires_at limit 100`,
      [this.clock.now()],
    );
    for (const { id } of due) {
      const answer = (row: AgentRequest): Settlement => {
        const approval = row.kind === 'approval';
        const rejected = approval
          ? {
              answer: { decision: 'reject' },
              result: permissionResult(row.payload as unknown as ApprovalPayload, 'reject'),
            }
          : questionAnswer(row.payload as unknown as QuestionPayload, null);
        const state = 'state' in rejected ? rejected.state : ('expired' as const);
        return { by: 'expiry', ...rejected, state };
      };
      await this.settling.settle(null, id, { answer }).catch((error: unknown) => {
        if (!(error instanceof Conflict)) throw error;
      });
    }
  }
}

function questionAnswer(
  payload: QuestionPayload & { readonly schema?: unknown },
  answers: QuestionAnswer,
): Omit<Settlement, 'by'> {
  const answer = answers ? { answers } : { declined: true };
  if (payload.bridged) return { state: 'answering', answer };
  const result = elicitationResult(payload, { requestedSchema: payload.schema }, answers);
  return { state: 'answered', answer, result };
}
