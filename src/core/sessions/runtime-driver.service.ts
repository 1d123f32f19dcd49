import { Injectable, Logger } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { ChannelError } from '../instances/channel.port.js';
import { EngineError } from '../instances/engine.errors.js';
import { Instance } from '../instances/instance.entity.js';
import { Generation } from '../runtimes/generation.entity.js';
import { Generations } from '../runtimes/generations.service.js';
import { LaunchPlanner } from '../runtimes/launch-planner.service.js';
import { Spool } from '../runtimes/spool.service.js';
import { JournalFollower, type FollowerListener } from './follower.service.js';
import type { AfterIngest } from './ingest.service.js';
import { QuestionCarrier } from './question-carrier.service.js';
import { SessionLog } from './session-log.js';
import { TurnEndings } from './turn-endings.js';
import { TurnSender } from './turn-sender.service.js';
import type { Turn } from './turn.entity.js';

/** How long a runtime that is stopped on purpose may take to say goodbye, and how often we look. */
const parkMs = 5000;
const parkStepMs = 50;

/** The machinery around one runtime process. */
@Injectable()
export class RuntimeMachinery {
  constructor(
    readonly generations: Generations,
    readonly planner: LaunchPlanner,
    readonly spool: Spool,
    readonly follower: JournalFollower,
    readonly carrier: QuestionCarrier,
  ) {}
}

/** Drives the runtime of an instance: launches it, reads it, feeds it, ends it. Every step may be repeated. */
@Injectable()
export class RuntimeDriver implements FollowerListener {
  private readonly logger = new Logger(RuntimeDriver.name);
  private changed: (instanceId: string) => void = () => undefined;
  private closed = false;
  private resting = false;

  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly machinery: RuntimeMachinery,
    private readonly sender: TurnSender,
    private readonly endings: TurnEndings,
  ) {}

  /** Called with an instance whose turns may be able to go on. */
  onChange(listener: (instanceId: string) => void): void {
    this.changed = listener;
  }

  later(instanceId: string, ms: number): void {
    this.clock.after(ms, () => {
      if (!this.closed) this.changed(instanceId);
    });
  }

  shutDown(): void {
    this.closed = true;
    this.machinery.follower.stopAll();
  }

  /** Another server drives them from now on. */
  rest(): void {
    this.resting = true;
    this.machinery.follower.stopAll();
  }

  resume(): void {
    this.resting = false;
  }

  /** An instance runs: goes on reading its generation, or closes the one that a restart cut off. */
  async takeOver(instance: Instance): Promise<void> {
    this.machinery.spool.forget(instance.id);
    await this.keepUp(instance);
  }

  /** Reads and feeds a living generation even when no turn can be sent now. */
  async keepUp(instance: Instance): Promise<void> {
    const generation = await this.machinery.generations.current(instance.id);
    if (!generation) return;
    try {
      if (generation.boot === instance.boot) await this.attend(instance, generation);
      else await this.closeStale(instance, generation);
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.later(instance.id, 1000);
    }
  }

  /**
   * A generation that can take a prompt, or null when it has to be waited for (a change will be told). While others use
   * the one that lives (`shared`), it is not replaced by one with another model or other settings.
   */
  async ready(
    instance: Instance,
    agent: Agent,
    wish: { readonly model: string | null; readonly shared: boolean },
  ): Promise<Generation | null> {
    const plan = await this.machinery.planner.plan(agent, instance, wish.model ?? agent.model);
    const current = await this.machinery.generations.current(instance.id);
    if (wish.shared && current?.state === 'ready' && current.fingerprint !== plan.fingerprint) {
      await this.keepUp(instance);
      return null;
    }
    if (current && (current.boot !== instance.boot || current.state === 'stopping')) {
      await this.keepUp(instance);
      return null;
    }
    if (current && (current.endReason !== null || current.fingerprint !== plan.fingerprint)) {
      await this.keepUp(instance); // its end is read in its journal
      await this.end(instance, current.number, current.endReason ?? 'The agent was configured anew');
      return null;
    }
    const generation = current ?? (await this.machinery.generations.open(instance, plan));
    if (!generation) return null;
    try {
      if (generation.state === 'starting') await this.machinery.generations.launch(instance, generation, plan);
      await this.attend(instance, generation);
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.logger.warn(`The runtime of ${instance.id} could not be launched yet: ${error.message}`);
      this.later(instance.id, 1000);
      return null;
    }
    return generation.state === 'ready' ? generation : null;
  }

  async send(instance: Instance, agent: Agent, generation: Generation, turnId: string): Promise<void> {
    if (await this.sender.send(instance, agent, generation.number, turnId)) {
      await this.machinery.spool.deliver(instance, generation.number);
    }
  }

  /** Tells the runtime of turns somebody wants to stop; ends those that were not sent yet. */
  async cancelAsked(instance: Instance, turns: readonly Turn[]): Promise<void> {
    const asked = turns.filter((turn) => turn.cancelRequested);
    if (asked.length === 0) return;
    const generation = await this.sender.cancel(
      instance.id,
      asked.map((turn) => turn.id),
    );
    if (generation !== null) await this.machinery.spool.deliver(instance, generation);
  }

  /** The turn that waits first cannot be served. */
  async fail(instanceId: string, reason: string): Promise<void> {
    await this.closing((log, tx) => this.endings.failFirst(tx, log, instanceId, reason));
    this.changed(instanceId);
  }

  /** Ends what runs before the container is stopped on purpose, and reads its last words. Takes a few seconds at most. */
  async park(instanceId: string): Promise<void> {
    const generation = await this.machinery.generations.current(instanceId);
    const instance = await this.db.of(Instance).findOneBy({ id: instanceId });
    if (!generation || !instance || generation.boot !== instance.boot) return;
    await this.end(instance, generation.number, 'The agent was stopped');
    for (let waited = 0; waited < parkMs; waited += parkStepMs) {
      if ((await this.machinery.generations.current(instanceId)) === null) return;
      await this.clock.sleep(parkStepMs);
    }
  }

  /** The container is gone. If it will return, the journal on its volume is read then, and nothing is decided now. */
  async halted(instanceId: string, reason: string, willReturn: boolean): Promise<void> {
    if (willReturn) this.machinery.follower.stop(instanceId);
    else await this.machinery.follower.finish(instanceId);
    this.machinery.spool.forget(instanceId);
    if (willReturn) return;
    // What waits comes first: none of it shall count as what the runtime could not be started for.
    await this.strand(instanceId, reason);
    const generation = await this.machinery.generations.current(instanceId);
    if (generation) await this.close(instanceId, generation.number, reason);
  }

  /** Ends every turn that waits: nobody will serve it, and it must not look as if. */
  async strand(instanceId: string, reason: string): Promise<void> {
    await this.closing(async (log, tx) => {
      while (await this.endings.failFirst(tx, log, instanceId, reason, 'interrupted')) await log.flush();
    });
  }

  stored(instance: Instance, generation: number, after: AfterIngest): void {
    const { machinery } = this;
    if (after.ended) {
      machinery.follower.stop(instance.id);
      machinery.spool.forget(instance.id);
    }
    if (after.deliver) void machinery.spool.deliver(instance, generation);
    if (after.refused !== null) void this.end(instance, generation, after.refused);
    for (const requestId of after.bridge) void machinery.carrier.carry(instance, requestId);
    if (after.pump || after.ended) this.changed(instance.id);
  }

  cut(instance: Instance): void {
    this.machinery.spool.forget(instance.id);
    this.later(instance.id, 500);
  }

  private async attend(instance: Instance, generation: Generation): Promise<void> {
    if (this.resting) return;
    if (this.machinery.follower.follows(instance, generation.number)) {
      return this.machinery.spool.deliver(instance, generation.number);
    }
    await this.machinery.follower.start(instance, generation.number, this);
    await this.machinery.spool.deliver(instance, generation.number);
    await this.machinery.carrier.resume(instance, generation.number);
  }

  /** A generation of an earlier boot: its process is gone, its journal is still there. */
  private async closeStale(instance: Instance, generation: Generation): Promise<void> {
    await this.machinery.follower.drain(instance, generation.number).catch((error: unknown) => {
      if (!(error instanceof ChannelError) || error.fault !== 'not_found') throw error;
    });
    await this.close(instance.id, generation.number, 'The container was restarted while the agent worked');
    this.changed(instance.id);
  }

  /** Asks a runtime process to go; its journal says when it is gone. */
  private async end(instance: Instance, number: number, reason: string): Promise<void> {
    await this.machinery.generations
      .stop(instance, number, reason)
      .catch((error: unknown) => this.logger.warn(`Stopping the runtime of ${instance.id} failed`, error));
  }

  /** Settles what belonged to a generation whose end was not read. */
  async close(instanceId: string, number: number, reason: string): Promise<void> {
    await this.closing(async (log, tx) => {
      const row = await tx.lock(Generation, { instanceId, number });
      if (row && row.state !== 'ended') await this.endings.generationEnded(tx, log, row, reason);
    });
  }

  private async closing(work: (log: SessionLog, tx: Tx) => Promise<unknown>): Promise<void> {
    const log = await this.db.run(async (tx) => {
      const open = new SessionLog(tx, this.clock.now());
      await work(open, tx);
      await open.flush();
      return open;
    });
    for (const event of log.appended) this.sender.streams.event(event);
  }
}

/** The channel broke, or the engine is away: the instance's own events decide what comes next. */
function isPassing(error: unknown): error is ChannelError | EngineError {
  return error instanceof ChannelError || error instanceof EngineError;
}
