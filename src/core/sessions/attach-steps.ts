import { Injectable } from '@nestjs/common';
import { asksFirst } from '../agents/agent.rules.js';
import type { Tx } from '../../platform/database/unit-of-work.js';
import type { Agent } from '../agents/agent.entity.js';
import { ContainerEngine } from '../instances/engine.port.js';
import type { Generation } from '../runtimes/generation.entity.js';
import { fromHome } from '../runtimes/home-settings.service.js';
import { privateMark } from '../runtimes/private-context.service.js';
import { Runtimes } from '../runtimes/runtime.port.js';
import { Spool } from '../runtimes/spool.service.js';
import { Instance } from '../instances/instance.entity.js';
import type { IngestContext } from './ingest.context.js';
import type { RpcFailure } from './journal.effects.js';
import { objectOf } from './json.js';
import type { Session } from './session.entity.js';
import { TurnEndings } from './turn-endings.js';
import { Turn } from './turn.entity.js';

/**
 * Makes a conversation live in a generation, step by step: `new` or `load`, then the mode. Each step is a numbered line;
 * its answer, whenever it is read, starts the next.
 */
@Injectable()
export class AttachSteps {
  constructor(
    private readonly runtimes: Runtimes,
    private readonly spool: Spool,
    private readonly engine: ContainerEngine,
    private readonly endings: TurnEndings,
  ) {}

  /** First step. `session` and `generation` must be locked. */
  async begin(tx: Tx, agent: Agent, instance: Instance, session: Session, generation: Generation): Promise<void> {
    session.attachGeneration = generation.number;
    if (this.runtimes.get(agent.runtime).costCountsFrom !== 'conversation') session.costMark = 0;
    const cwd = this.engine.pathOf(instance.ref ?? '', 'home');
    if (session.runtimeSessionId === null) return this.beginNew(tx, agent, session, generation, cwd);
    session.attachStep = 'load';
    const params = { sessionId: session.runtimeSessionId, cwd, mcpServers: fromHome };
    await this.spool.push(tx, generation, { id: `load:${session.id}`, method: 'session/load', params });
  }

  /** A task's extra instructions, where the runtime takes none per conversation: they go before its prompt. */
  prefaceOf(agent: Agent, session: Session): string | null {
    const extra = session.options?.instructions;
    if (extra === undefined) return null;
    return this.runtimes.get(agent.runtime).sessionMeta({ instructions: extra }) === null ? extra : null;
  }

  async answered(
    context: IngestContext,
    sessionId: string,
    effect: { readonly id: string; readonly result: unknown; readonly error: RpcFailure | null },
  ): Promise<void> {
    const session = context.session(sessionId);
    const step = effect.id.slice(0, effect.id.indexOf(':'));
    const { number } = context.generation;
    if (!session || session.attachGeneration !== number || session.attachStep !== step) return;
    context.log.touch(session);
    if (step === 'mode') return this.modeSet(context, session, effect.error);
    if (!effect.error) return this.attached(context, session, effect.result);
    if (step === 'load') return this.startAnew(context, session, effect.error);
    await this.refuse(context, session, effect.error);
  }

  private async beginNew(tx: Tx, agent: Agent, session: Session, generation: Generation, cwd: string): Promise<void> {
    session.attachStep = 'new';
    const meta = this.runtimes.get(agent.runtime).sessionMeta(wishesOf(agent, session));
    const params = { cwd, mcpServers: fromHome, ...(meta ? { _meta: meta } : {}) };
    await this.spool.push(tx, generation, { id: `new:${session.id}`, method: 'session/new', params });
  }

  private async attached(context: IngestContext, session: Session, result: unknown): Promise<void> {
    const { agent, generation, tx } = context;
    const given = objectOf(result)['sessionId'];
    if (session.attachStep === 'new') {
      if (typeof given !== 'string') return this.refuse(context, session, { code: 0, message: 'no session id' });
      session.runtimeSessionId = given;
    }
    const runtime = this.runtimes.get(agent.runtime);
    const modeId = runtime.modeFor(asksFirst(agent, runtime) ? 'ask' : 'auto');
    if (modeId === null) return this.live(context, session);
    session.attachStep = 'mode';
    const params = { sessionId: session.runtimeSessionId, modeId };
    await this.spool.push(tx, generation, { id: `mode:${session.id}`, method: 'session/set_mode', params });
    context.deliver = true;
  }

  /** An agent that must ask before it acts does not work in a mode that may not ask. */
  private async modeSet(context: IngestContext, session: Session, error: RpcFailure | null): Promise<void> {
    if (error && asksFirst(context.agent, this.runtimes.get(context.agent.runtime)))
      return this.refuse(context, session, error);
    this.live(context, session);
  }

  private live(context: IngestContext, session: Session): void {
    Object.assign(session, { liveGeneration: context.generation.number, attachGeneration: null, attachStep: null });
    context.pump = true;
  }

  /** The runtime lost the conversation. It goes on in a new one; the next prompt brings a summary of what was said. */
  private async startAnew(context: IngestContext, session: Session, error: RpcFailure): Promise<void> {
    const { agent, generation, tx } = context;
    Object.assign(session, { runtimeSessionId: null, costMark: 0 });
    const text = `The runtime could not load the earlier conversation (${error.message}); it goes on from a summary`;
    context.log.append(session, 'note', { text, summaryNeeded: true });
    const instance = await tx.of(Instance).findOneByOrFail({ id: session.instanceId });
    const cwd = this.engine.pathOf(instance.ref ?? '', 'home');
    await this.beginNew(tx, agent, session, generation, cwd);
    context.deliver = true;
  }

  private async refuse(context: IngestContext, session: Session, error: RpcFailure): Promise<void> {
    Object.assign(session, { attachGeneration: null, attachStep: null });
    const [turn] = await context.tx
      .of(Turn)
      .find({ where: { sessionId: session.id, state: 'queued' }, order: { number: 'ASC' }, take: 1 });
    context.pump = true;
    const row = turn && (await context.turn(turn.id));
    if (!row) return;
    await context.flush();
    const outcome = { state: 'failed', error: `The runtime could not open a conversation: ${error.message}` } as const;
    await this.endings.end(context.tx, context.log, session, row, outcome);
    context.log.touch(session);
  }
}

/** What a conversation is opened with: the agent's instructions, and those of a task behind them. */
function wishesOf(
  agent: Agent,
  { options }: Session,
): { instructions: string | null; allowedTools?: readonly string[] } {
  const secret = agent.privateInstructions === null ? null : privateMark;
  const parts = [agent.instructions, secret, options?.instructions].filter((part) => part);
  const instructions = parts.length > 0 ? parts.join('\n\n') : null;
  return { instructions, ...(options?.allowedTools ? { allowedTools: options.allowedTools } : {}) };
}
