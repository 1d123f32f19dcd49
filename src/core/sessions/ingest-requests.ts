import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { AskedQuestion } from '../runtimes/runtime.port.js';
import { attended } from '../agents/agent.rules.js';
import { defaultPatterns, isWriteBlocked } from '../agents/write.rules.js';
import { WriteRules } from '../agents/write-rules.entity.js';
import { ContainerEngine } from '../instances/engine.port.js';
import { Instance } from '../instances/instance.entity.js';
import { Spool } from '../runtimes/spool.service.js';
import { Activity } from './activity.entity.js';
import { AgentRequest } from './agent-request.entity.js';
import type { IngestContext } from './ingest.context.js';
import type { Effect } from './journal.effects.js';
import { type Json, objectOf } from './json.js';
import {
  type ApprovalPayload,
  approvalOf,
  editedPaths,
  elicitationResult,
  patternOf,
  permissionResult,
  questionsOf,
  type QuestionPayload,
} from './request.rules.js';
import type { Session } from './session.entity.js';
import type { Turn } from './turn.entity.js';

type RequestEffect = Extract<Effect, { type: 'request' }>;

/** Hours a request waits for a person before it counts as rejected. */
export const requestLifeHours = 24;

/** Requests from a runtime: each becomes a row, once; what a rule can answer is answered in the same transaction. */
@Injectable()
export class IngestRequests {
  constructor(
    private readonly spool: Spool,
    private readonly engine: ContainerEngine,
  ) {}

  async apply(context: IngestContext, effect: RequestEffect): Promise<void> {
    if (await this.known(context, effect.rpcId)) return;
    const session = effect.session ? context.sessionOf(effect.session) : null;
    if (effect.method === 'session/request_permission' && session) return this.approval(context, session, effect);
    if (effect.method === 'elicitation/create' && session) return this.question(context, session, effect);
    const failure = { code: -32601, message: `Method not found: ${effect.method.slice(0, 80)}` };
    await this.reply(context, effect.rpcId, { error: failure });
  }

  /** A question that is asked beside ACP. */
  async bridged(
    context: IngestContext,
    session: Session,
    turn: Turn,
    asked: { readonly toolCallId: string; readonly questions: readonly AskedQuestion[] },
  ): Promise<void> {
    const rpcId = `tool:${asked.toolCallId}`;
    if (await this.known(context, rpcId)) return;
    const message = asked.questions[0]?.text ?? 'The agent asks a question';
    const payload: QuestionPayload = {
      message,
      questions: asked.questions,
      toolCallId: asked.toolCallId,
      bridged: true,
    };
    const request = await this.ask(context, session, turn, { rpcId, kind: 'question', payload: { ...payload } });
    if (request.state === 'answering') context.bridge.push(request.id);
  }

  /** What was asked is over without us: nobody needs to answer any more. */
  async settled(context: IngestContext, rpcId: string): Promise<void> {
    const { instanceId, number: generation } = context.generation;
    const { tx, now } = context;
    const over = { answeredAt: now, answeredBy: 'runtime' };
    await tx.of(AgentRequest).update({ instanceId, generation, rpcId, state: 'open' }, { state: 'cancelled', ...over });
    await tx.of(AgentRequest).update({ instanceId, generation, rpcId, state: 'answering' }, { state: 'answered' });
  }

  private async approval(context: IngestContext, session: Session, effect: RequestEffect): Promise<void> {
    const turn = await context.turnOf(session);
    const { toolCallId } = objectOf(effect.params['toolCall']);
    const known = turn && typeof toolCallId === 'string' ? await this.toolOf(context, turn, toolCallId) : null;
    const approval = approvalOf(effect.params, known);
    const pattern = patternOf(approval);
    const about = { rpcId: effect.rpcId, kind: 'approval', payload: { ...approval }, pattern } as const;
    const blocked = await this.blocked(context, effect.params, approval);
    if (blocked !== null) return this.refuse(context, session, turn, { about, rpcId: effect.rpcId, path: blocked });
    const always = pattern !== null && context.agent.alwaysAllowed.includes(pattern);
    if (attended(context.agent) && !always) {
      await this.ask(context, session, turn, about);
      return;
    }
    await this.store(context, session, turn, about, 'policy', { decision: 'allow' });
    await this.reply(context, effect.rpcId, { result: permissionResult(approval, 'allow') });
    const data = { title: approval.title, pattern, decision: 'allow', by: always ? 'always' : 'auto' };
    context.log.append(session, 'approval_answered', data, { turnId: turn?.id ?? null });
  }

  /** The file of a call that read-only mode keeps from being changed; null when there is none. */
  private async blocked(context: IngestContext, params: Json, approval: ApprovalPayload): Promise<string | null> {
    const { agent, generation, tx } = context;
    if (!agent.readOnly) return null;
    const instance = await tx.of(Instance).findOneBy({ id: generation.instanceId });
    const rules = (await tx.of(WriteRules).findOneBy({ agentId: agent.id })) ?? defaultPatterns;
    const home = this.engine.pathOf(instance?.ref ?? '', 'home');
    return editedPaths(params, approval, home).find((path) => isWriteBlocked(path, rules)) ?? null;
  }

  private async refuse(
    context: IngestContext,
    session: Session,
    turn: Turn | null,
    { about, rpcId, path }: { readonly about: Asked; readonly rpcId: string; readonly path: string },
  ): Promise<void> {
    await this.store(context, session, turn, about, 'policy', { decision: 'reject' });
    const approval = about.payload as unknown as ApprovalPayload;
    await this.reply(context, rpcId, { result: permissionResult(approval, 'reject') });
    const reason = `Read-only mode: ${path} may not be changed`;
    const data = { title: approval.title, pattern: about.pattern, decision: 'reject', by: 'read-only', reason };
    context.log.append(session, 'approval_answered', data, { turnId: turn?.id ?? null });
  }

  private async question(context: IngestContext, session: Session, effect: RequestEffect): Promise<void> {
    const turn = await context.turnOf(session);
    const payload = questionsOf(effect.params);
    const stored = { ...payload, schema: effect.params['requestedSchema'] ?? {} };
    const about = { rpcId: effect.rpcId, kind: 'question', payload: stored } as const;
    const form = effect.params['mode'] === undefined || effect.params['mode'] === 'form';
    const request = form
      ? await this.ask(context, session, turn, about)
      : await this.store(context, session, turn, about, 'policy', { declined: true });
    if (request.state !== 'open') {
      await this.reply(context, effect.rpcId, { result: elicitationResult(payload, effect.params, null) });
      request.state = 'answered';
      await context.tx.of(AgentRequest).save(request);
    }
  }

  /** Waits for a person where one attends; otherwise a question is declined at once, visibly. */
  private async ask(context: IngestContext, session: Session, turn: Turn | null, about: Asked): Promise<AgentRequest> {
    const { agent, tx } = context;
    const turnId = turn?.id ?? null;
    if (!attended(agent)) {
      const request = await this.store(context, session, turn, about, 'declined', { declined: true });
      const data = { requestId: request.id, declined: true, by: 'policy', payload: about.payload };
      context.log.append(session, 'question_answered', data, { turnId });
      return request;
    }
    const request = await this.store(context, session, turn, about, null);
    const kind = about.kind === 'approval' ? 'approval_requested' : 'question_asked';
    context.log.append(
      session,
      kind,
      { requestId: request.id, pattern: about.pattern ?? null, ...about.payload },
      { turnId },
    );
    const data = { requestId: request.id, sessionId: session.id, turnId, expiresAt: request.expiresAt.toISOString() };
    const type = about.kind === 'approval' ? 'approval.requested' : 'question.asked';
    await tx.emit({ type, orgId: agent.orgId, agentId: agent.id, data });
    return request;
  }

  private async store(
    context: IngestContext,
    session: Session | null,
    turn: Turn | null,
    about: Asked,
    by: 'policy' | 'declined' | null,
    answer: Record<string, unknown> | null = null,
  ): Promise<AgentRequest> {
    const { generation, agent, now, tx } = context;
    const request = new AgentRequest();
    const state = by === null ? 'open' : by === 'declined' ? 'answering' : 'answered';
    const place = { agentId: agent.id, sessionId: session?.id ?? '', turnId: turn?.id ?? null };
    const origin = { instanceId: generation.instanceId, generation: generation.number, rpcId: about.rpcId };
    const answered = { answer, answeredBy: by === null ? null : 'policy', answeredAt: by === null ? null : now };
    const life = { createdAt: now, expiresAt: new Date(now.getTime() + requestLifeHours * 3_600_000) };
    const what = { id: randomUUID(), kind: about.kind, payload: about.payload, pattern: about.pattern ?? null, state };
    Object.assign(request, what, place, origin, answered, life);
    await tx.of(AgentRequest).insert(request as never);
    return request;
  }

  private async reply(context: IngestContext, rpcId: string, answer: Record<string, unknown>): Promise<void> {
    await this.spool.push(context.tx, context.generation, { id: JSON.parse(rpcId) as unknown, ...answer });
    context.deliver = true;
  }

  private known(context: IngestContext, rpcId: string): Promise<boolean> {
    const { instanceId, number: generation } = context.generation;
    return context.tx.of(AgentRequest).existsBy({ instanceId, generation, rpcId });
  }

  private async toolOf(
    context: IngestContext,
    turn: Turn,
    toolCallId: string,
  ): Promise<{ readonly title?: string; readonly input?: unknown } | null> {
    const activity = await context.tx.of(Activity).findOneBy({ id: `${turn.id}:${toolCallId}` });
    if (!activity) return null;
    const { title, input } = activity.details;
    return { ...(typeof title === 'string' ? { title } : {}), input };
  }
}

interface Asked {
  readonly rpcId: string;
  readonly kind: 'approval' | 'question';
  readonly payload: Record<string, unknown>;
  readonly pattern?: string | null;
}
