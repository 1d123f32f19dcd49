import { Injectable, Logger } from '@nestjs/common';
import { Runtimes } from '../runtimes/runtime.port.js';
import { IngestRequests } from './ingest-requests.js';
import { IngestResponses, modelFailed } from './ingest-responses.js';
import { IngestTools } from './ingest-tools.js';
import type { IngestContext } from './ingest.context.js';
import type { Effect } from './journal.effects.js';
import { startOf, storableText, stringOf } from './json.js';
import { TurnEndings } from './turn-endings.js';

type Of<T extends Effect['type']> = Extract<Effect, { type: T }>;

/** An answer longer than this keeps its end only; all of it is in the session's events. */
const longestAnswer = 1_000_000;

/** What each kind of effect changes, within the reader's transaction. */
@Injectable()
export class IngestEffects {
  private readonly logger = new Logger(IngestEffects.name);

  constructor(
    private readonly tools: IngestTools,
    private readonly requests: IngestRequests,
    private readonly responses: IngestResponses,
    private readonly endings: TurnEndings,
    private readonly runtimes: Runtimes,
  ) {}

  async apply(context: IngestContext, effect: Effect): Promise<void> {
    if (context.ended) return;
    switch (effect.type) {
      case 'event':
        return this.event(context, effect);
      case 'tool':
        return this.tools.apply(context, effect);
      case 'usage':
        return this.usage(context, effect);
      case 'title':
        return this.title(context, effect);
      case 'failing':
        return this.failing(context, effect);
      case 'request':
        return this.requests.apply(context, effect);
      case 'response':
        return this.responses.apply(context, effect);
      case 'noise':
        return this.logger.debug(`Runtime of ${context.agent.slug} printed something that is no message`);
      case 'end':
        return this.ended(context, effect.code);
      case 'delta':
        return;
    }
  }

  private async event(context: IngestContext, effect: Of<'event'>): Promise<void> {
    const session = context.sessionOf(effect.session);
    if (!session) return;
    const turn = await context.turnOf(session);
    const origin = { generation: context.generation.number, offset: effect.offset, part: 0 };
    context.log.append(session, effect.kind, effect.data, { turnId: turn?.id ?? null, origin });
    if (effect.kind !== 'agent_message' || !turn) return;
    const text = stringOf(effect.data['text']);
    turn.answer = effect.data['continues'] === true ? `${turn.answer ?? ''}${text}` : text;
    if (turn.answer.length > longestAnswer) turn.answer = storableText(turn.answer.slice(-longestAnswer));
    context.changed(turn);
  }

  private title(context: IngestContext, effect: Of<'title'>): void {
    const session = context.sessionOf(effect.session);
    if (!session || session.titled) return;
    session.title = startOf(effect.title, 200);
    context.log.touch(session);
  }

  /** The reason is in the text that follows; until then the turn carries this one. */
  private async failing(context: IngestContext, effect: Of<'failing'>): Promise<void> {
    const session = context.sessionOf(effect.session);
    const turn = session && (await context.turnOf(session));
    if (!turn || turn.cancelRequested) return;
    turn.error = modelFailed;
    context.changed(turn);
  }

  private async usage(context: IngestContext, effect: Of<'usage'>): Promise<void> {
    const session = context.sessionOf(effect.session);
    if (!session) return;
    const { used, size, costUsd } = effect;
    // A failed turn reports zero, although the conversation is as large as before.
    Object.assign(session, { contextUsed: used || session.contextUsed, contextMax: size || session.contextMax });
    context.log.touch(session);
    // The demo model is free, whatever a runtime believes it costs.
    if (costUsd === null || context.generation.demo) return;
    const added = costUsd >= session.costMark ? costUsd - session.costMark : costUsd;
    session.costMark = costUsd;
    if (added === 0) return;
    session.costUsd += added;
    const turn = await context.turnOf(session);
    if (!turn) return;
    turn.costUsd += added;
    context.changed(turn);
  }

  private async ended(context: IngestContext, code: number): Promise<void> {
    const { generation, agent } = context;
    const title = this.runtimes.find(agent.runtime)?.title ?? 'The runtime';
    const asked = generation.state === 'stopping' || generation.endReason !== null;
    const reason = asked
      ? (generation.endReason ?? `${title} was asked to stop`)
      : `${title} ended unexpectedly with exit code ${code}`;
    await context.flush();
    await this.endings.generationEnded(context.tx, context.log, generation, reason);
    context.forget();
    context.ended = true;
    context.pump = true;
  }
}
