import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { Clock } from '../clock.port.js';
import { Leadership, type LedWork } from '../leadership/leadership.service.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { EngineError } from './engine.errors.js';
import type { EngineEvent, EngineInstance } from './engine.port.js';
import { EngineWatch, type EngineObserver } from './engine-watch.service.js';
import { engineEndsWithinSeconds, stoppedOutside } from './exit.rules.js';
import { InstanceRunner } from './instance-runner.service.js';
import { Instance } from './instance.entity.js';

interface Task {
  again: boolean;
  done: Promise<void>;
}

/**
 * Makes what is wanted so. One task per instance at a time; it compares rows with the engine, so it may be asked
 * as often as anyone likes: after a command, an engine event, a list, a retry time, a start of this process.
 * Of several servers on one database only the leading one does it; the others hand it what they are asked.
 */
@Injectable()
export class Reconciler implements EngineObserver, LedWork, BeforeApplicationShutdown {
  private readonly logger = new Logger(Reconciler.name);
  private readonly tasks = new Map<string, Task>();
  private readonly timers = new Map<string, () => void>();
  private stopping = false;
  private engineLostAt: Date | null = null;

  constructor(
    private readonly db: UnitOfWork,
    private readonly watch: EngineWatch,
    private readonly runner: InstanceRunner,
    private readonly clock: Clock,
    private readonly leadership: Leadership,
  ) {
    leadership.add('instances', this);
  }

  /** Does this server do it, or does it ask another one? */
  get leads(): boolean {
    return this.leadership.leading;
  }

  async start(): Promise<void> {
    await this.leadership.start();
    await this.watch.start(this);
  }

  begin(): Promise<void> {
    return this.watch.relist();
  }

  async end(): Promise<void> {
    for (const cancel of this.timers.values()) cancel();
    this.timers.clear();
    this.runner.forgetConfirmed();
    await Promise.allSettled([...this.tasks.values()].map((task) => task.done));
  }

  wake(id: string): void {
    void this.kick(id);
  }

  async sweep(): Promise<void> {
    const rows = await this.db.query<{ id: string }>(
      `select id from instances where (desired = 'running' and state <> 'failed' and (state <> 'running' or renew_at is not null))
         or (desired = 'stopped' and state not in ('stopped', 'failed'))`,
    );
    for (const { id } of rows) if (!this.timers.has(id)) void this.kick(id);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    for (const cancel of this.timers.values()) cancel();
    // An image build may take minutes and is simply begun again by the next start.
    await Promise.race([Promise.allSettled([...this.tasks.values()].map((task) => task.done)), this.clock.sleep(5000)]);
  }

  /** Looks at one instance soon; resolves when that look (or the one already running, and one more) is over, or another server was asked. */
  kick(id: string): Promise<void> {
    if (!this.leadership.leading) return this.leadership.wake('instances', id);
    const running = this.tasks.get(id);
    if (running) {
      running.again = true;
      return running.done;
    }
    const task: Task = { again: false, done: Promise.resolve() };
    this.tasks.set(id, task);
    task.done = this.work(id, task);
    return task.done;
  }

  async lost(): Promise<void> {
    this.engineLostAt = this.clock.now();
    await this.takeBackWithEngine();
  }

  /**
   * What the engine itself stopped on its way out is wanted running again. Asked when it is gone, and once more when it is back:
   * an end may still have been dealt with in between.
   */
  private async takeBackWithEngine(): Promise<void> {
    if (!this.engineLostAt || !this.leadership.leading) return;
    await this.db.query(
      `update instances set desired = 'running', reason = 'Stopped together with the engine' where state = 'stopped' and desired = 'stopped'
         and reason = $1 and state_since >= $2::timestamptz - $3 * interval '1 second'`,
      [stoppedOutside, this.engineLostAt, engineEndsWithinSeconds],
    );
  }

  async listed(found: readonly EngineInstance[], afterGap: boolean): Promise<void> {
    if (!this.leadership.leading) return;
    if (afterGap) {
      await this.takeBackWithEngine();
      this.engineLostAt = null;
    }
    const rows = await this.db.of(Instance).find();
    const byId = new Map(rows.map((row) => [row.id, row]));
    const seen = new Map(found.map((container) => [container.instanceId, container]));
    for (const row of rows) {
      const real = seen.get(row.id) ?? null;
      if (afterGap && row.state === 'running' && real?.phase === 'exited') this.runner.signals.endedUnseen(row.id);
      if (this.runner.differs(row, real)) void this.kick(row.id);
      else if (row.state === 'running') void this.confirm(row);
    }
    // A container without a row is what a deletion or a rolled-back creation left behind: rows come first, always.
    for (const id of seen.keys()) if (!byId.has(id)) void this.kick(id);
    for (const id of await this.runner.strayVolumes(new Set(byId.keys()))) void this.kick(id);
  }

  happened(event: EngineEvent): void {
    this.runner.note(event);
    if (!this.leadership.leading) return;
    if (['start', 'die', 'destroy', 'pause', 'unpause'].includes(event.action)) void this.kick(event.instanceId);
  }

  private async work(id: string, task: Task): Promise<void> {
    try {
      do {
        task.again = false;
        if (this.stopping || !this.leadership.leading) return;
        await this.look(id).catch((error: unknown) => {
          this.logger.error(`Reconciling instance ${id} failed`, error);
          this.later(id, 5000);
        });
      } while (task.again as boolean);
    } finally {
      this.tasks.delete(id); // in the same breath as the last look at `again`: a kick in between would be lost
    }
  }

  private async look(id: string): Promise<void> {
    if (!this.watch.connected) return; // the list after the next connection looks at all
    const instance = await this.db.one(Instance, { id });
    const agent = instance && (await this.db.one(Agent, { id: instance.agentId }));
    try {
      if (!agent || instance.desired === 'removed') return await this.runner.clear(id, instance);
      const waitMs =
        instance.desired === 'running' ? await this.runner.up(instance, agent) : await this.runner.down(instance);
      if (waitMs !== null) this.later(id, waitMs);
    } catch (error) {
      if (!(error instanceof EngineError) || error.fault !== 'unreachable') throw error;
      // One container that hangs does not mean that the engine is away.
      if (!(await this.watch.answers())) return;
      this.logger.warn(`Instance ${id}: ${error.message}`);
      this.later(id, 5000);
    }
  }

  private async confirm(row: Instance): Promise<void> {
    try {
      await this.runner.confirm(row);
    } catch (error) {
      this.logger.error(`Taking over instance ${row.id} failed`, error);
      this.later(row.id, 1000);
    }
  }

  private later(id: string, ms: number): void {
    this.timers.get(id)?.();
    if (this.stopping || !this.leadership.leading) return;
    const cancel = this.clock.after(ms, () => {
      this.timers.delete(id);
      void this.kick(id);
    });
    this.timers.set(id, cancel);
  }
}
