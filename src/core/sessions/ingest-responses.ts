import { Injectable } from '@nestjs/common';
import { Generation } from '../runtimes/generation.entity.js';
import { Runtimes } from '../runtimes/runtime.port.js';
import { Spool } from '../runtimes/spool.service.js';
import { AttachSteps } from './attach-steps.js';
import type { IngestContext } from './ingest.context.js';
import type { Effect, RpcFailure } from './journal.fold.js';
import type { Session } from './session.entity.js';
import { TurnEndings, type Outcome } from './turn-endings.js';
import type { Turn } from './turn.entity.js';

type ResponseEffect = Extract<Effect, { type: 'response' }>;
type Json = Record<string, unknown>;

/** Answers of a runtime to what we asked. Every id we use says what it was about, so that a restart changes nothing. */
@Injectable()
export class IngestResponses {
  constructor(
    private readonly runtimes: Runtimes,
    private readonly spool: Spool,
    private readonly steps: AttachSteps,
    private readonly endings: TurnEndings,
  ) {}

  async apply(context: IngestContext, effect: ResponseEffect): Promise<void> {
    const separator = effect.id.indexOf(':');
    const subject = effect.id.slice(separator + 1);
    switch (effect.id.slice(0, separator)) {
      case 'init':
        return this.initialized(context, effect);
      case 'auth':
        return this.ready(context, effect.error);
      case 'new':
      case 'load':
      case 'mode':
        return this.steps.answered(context, subject, effect);
      case 'turn':
        return this.turnEnded(context, subject, effect);
      default:
        return;
    }
  }

  private async initialized(context: IngestContext, effect: ResponseEffect): Promise<void> {
    const { generation, tx } = context;
    if (generation.state !== 'starting' || generation.agentInfo) return;
    if (effect.error) return this.ready(context, effect.error);
    generation.agentInfo = objectOf(effect.result);
    const methodId = this.runtimes.find(context.agent.runtime)?.authMethod ?? null;
    if (methodId === null) return this.ready(context, null);
    const { instanceId, number, agentInfo } = generation;
    await tx.of(Generation).update({ instanceId, number }, { agentInfo } as never);
    await this.spool.push(tx, generation, { id: `auth:${number}`, method: 'authenticate', params: { methodId } });
    context.deliver = true;
  }

  private async ready(context: IngestContext, error: RpcFailure | null): Promise<void> {
    const { generation, tx } = context;
    if (generation.state !== 'starting') return;
    context.pump = true;
    if (error) {
      // The process lives but is of no use: it is ended by whoever pumps next.
      generation.endReason = `The runtime refused to start: ${error.message}`;
    } else {
      generation.state = 'ready';
    }
    const { instanceId, number, state, endReason, agentInfo } = generation;
    await tx.of(Generation).update({ instanceId, number }, { state, endReason, agentInfo } as never);
  }

  private async turnEnded(context: IngestContext, turnId: string, effect: ResponseEffect): Promise<void> {
    const turn = await context.turn(turnId);
    const session = turn && context.session(turn.sessionId);
    if (!turn || !session || turn.state !== 'running') return;
    context.pump = true;
    addUsage(turn, session, objectOf(effect.result));
    await context.flush();
    await this.endings.end(context.tx, context.log, session, turn, outcomeOf(turn, effect));
    context.log.touch(session);
  }
}

/** What a runtime's answer to a prompt means. */
export function outcomeOf(
  turn: { readonly cancelRequested: boolean; readonly error: string | null },
  effect: { readonly result: unknown; readonly error: RpcFailure | null },
): Outcome {
  const stopReason = objectOf(effect.result)['stopReason'];
  const reason = typeof stopReason === 'string' ? stopReason : null;
  // A turn that was stopped for a cause of ours (its time ran out) carries that cause already.
  if (turn.error !== null) return { state: 'failed', stopReason: reason, error: turn.error };
  if (turn.cancelRequested) return { state: 'cancelled', stopReason: reason };
  if (effect.error) return { state: 'failed', error: effect.error.message };
  return { state: 'finished', stopReason: reason };
}

function addUsage(turn: Turn, session: Session, result: Json): void {
  const usage = objectOf(result['usage']);
  const quota = objectOf(objectOf(objectOf(result['_meta'])['quota'])['token_count']);
  turn.inputTokens += numberOf(usage['inputTokens'] ?? quota['input_tokens']);
  turn.outputTokens += numberOf(usage['outputTokens'] ?? quota['output_tokens']);
  turn.cacheReadTokens += numberOf(usage['cachedReadTokens']);
  turn.cacheWriteTokens += numberOf(usage['cachedWriteTokens']);
  if (session.contextUsed === 0) session.contextUsed = turn.inputTokens + turn.outputTokens;
}

const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const numberOf = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) ? Math.round(value) : 0;
