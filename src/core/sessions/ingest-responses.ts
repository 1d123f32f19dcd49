import { Injectable } from '@nestjs/common';
import { Generation } from '../runtimes/generation.entity.js';
import { Runtimes } from '../runtimes/runtime.port.js';
import { Spool } from '../runtimes/spool.service.js';
import { AttachSteps } from './attach-steps.js';
import type { IngestContext } from './ingest.context.js';
import type { Effect, RpcFailure } from './journal.effects.js';
import { numberOf as finite, objectOf, parsedObject, startOf, type Json } from './json.js';
import type { Session } from './session.entity.js';
import { TurnEndings, type Outcome } from './turn-endings.js';
import type { Turn } from './turn.entity.js';

/** Carried by a turn whose runtime said that it fails, until the reason is known. */
export const modelFailed = 'The model failed';

const tokenKinds = ['inputTokens', 'outputTokens', 'reasoningTokens', 'cacheReadTokens', 'cacheWriteTokens'] as const;

type ResponseEffect = Extract<Effect, { type: 'response' }>;

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
      // The process lives but is of no use. Who waits for it hears why at once, and it is ended after this.
      const reason = `The runtime refused to start: ${error.message}`;
      generation.endReason = reason;
      context.refused = reason;
      const { endings } = this;
      const lockSession = (id: string): Promise<Session | null> => Promise.resolve(context.session(id));
      await endings.failFirst(tx, context.log, generation.instanceId, reason, 'failed', lockSession);
    } else {
      generation.state = 'ready';
    }
    const { instanceId, number, state, endReason, agentInfo } = generation;
    await tx.of(Generation).update({ instanceId, number }, { state, endReason, agentInfo } as never);
  }

  private async turnEnded(context: IngestContext, turnId: string, effect: ResponseEffect): Promise<void> {
    const turn = await context.turn(turnId);
    const session = turn && context.session(turn.sessionId);
    if (!turn || !session || turn.state !== 'running' || turn.generation !== context.generation.number) return;
    context.pump = true;
    addUsage(turn, session, objectOf(effect.result));
    await context.flush();
    await this.endings.end(context.tx, context.log, session, turn, outcomeOf(turn, effect));
    context.log.touch(session);
    if (session.purpose === 'task') await this.forget(context, session);
  }

  /** Nobody comes back to a task: a runtime that can let go of its conversation shall. */
  private async forget(context: IngestContext, session: Session): Promise<void> {
    const { generation, tx } = context;
    const { sessionCapabilities } = objectOf(objectOf(generation.agentInfo)['agentCapabilities']);
    if (objectOf(sessionCapabilities)['close'] === undefined || generation.state !== 'ready') return;
    const params = { sessionId: session.runtimeSessionId };
    await this.spool.push(tx, generation, { id: `close:${session.id}`, method: 'session/close', params });
    context.deliver = true;
  }
}

/** What a runtime's answer to a prompt means. */
export function outcomeOf(
  turn: { readonly cancelRequested: boolean; readonly error: string | null; readonly answer: string | null },
  effect: { readonly result: unknown; readonly error: RpcFailure | null },
): Outcome {
  const stopReason = objectOf(effect.result)['stopReason'];
  const reason = typeof stopReason === 'string' ? startOf(stopReason, 100) : null;
  // A turn that was stopped for a cause of ours (its time ran out) carries that cause already.
  if (turn.error !== null && turn.cancelRequested) return { state: 'failed', stopReason: reason, error: turn.error };
  if (turn.cancelRequested) return { state: 'cancelled', stopReason: reason };
  if (effect.error) return { state: 'failed', error: effect.error.message };
  if (turn.error === modelFailed)
    return { state: 'failed', stopReason: reason, error: wordsOf(turn.answer) ?? modelFailed };
  if (turn.error !== null) return { state: 'failed', stopReason: reason, error: turn.error };
  // The runtime stopped by itself, e.g. because its own server was told to.
  if (reason === 'cancelled') return { state: 'cancelled', stopReason: reason };
  return { state: 'finished', stopReason: reason };
}

/** The sentence in a model server's error, which some runtimes hand on as it came. */
function wordsOf(answer: string | null): string | null {
  const said = answer?.trim() ?? '';
  const error = parsedObject(said)?.['error'];
  const message = typeof error === 'string' ? error : objectOf(error)['message'];
  const words = typeof message === 'string' ? message : said;
  return words === '' ? null : startOf(words, 4000);
}

function addUsage(turn: Turn, session: Session, result: Json): void {
  const usage = objectOf(result['usage']);
  const quota = objectOf(objectOf(objectOf(result['_meta'])['quota'])['token_count']);
  const added = {
    inputTokens: numberOf(usage['inputTokens'] ?? quota['input_tokens']),
    outputTokens: numberOf(usage['outputTokens'] ?? quota['output_tokens']),
    reasoningTokens: numberOf(usage['thoughtTokens']),
    cacheReadTokens: numberOf(usage['cachedReadTokens']),
    cacheWriteTokens: numberOf(usage['cachedWriteTokens']),
  };
  for (const name of tokenKinds) {
    turn[name] += added[name];
    session[name] += added[name];
  }
  if (session.contextUsed === 0) session.contextUsed = turn.inputTokens + turn.outputTokens;
}

const numberOf = (value: unknown): number => Math.min(2_147_483_647, Math.max(0, Math.round(finite(value))));
