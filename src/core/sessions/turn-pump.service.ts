import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { DomainError } from '../errors/domain-error.js';
import type { InstanceHook } from '../instances/instance-hooks.js';
import { Instance } from '../instances/instance.entity.js';
import { Leadership, type LedWork } from '../leadership/leadership.service.js';
import { RuntimeDriver } from './runtime-driver.service.js';
import { Turn } from './turn.entity.js';
import { nextOf } from './turn.rules.js';

interface Task {
  again: boolean;
  done: Promise<void>;
}

/**
 * Moves turns forward, one instance at a time: sees that a runtime lives, that the conversation is loaded, and sends the
 * next prompt. It works from what is stored, so it may be called as often as anyone likes, also after a crash. Of several
 * servers on one database only the leading one does it.
 */
@Injectable()
export class TurnPump implements InstanceHook, LedWork, BeforeApplicationShutdown {
  private readonly logger = new Logger(TurnPump.name);
  private readonly tasks = new Map<string, Task>();
  private closing = false;

  constructor(
    private readonly db: UnitOfWork,
    private readonly driver: RuntimeDriver,
    private readonly leadership: Leadership,
  ) {
    leadership.add('turns', this);
    driver.onChange((instanceId) => {
      void this.kick(instanceId);
    });
  }

  begin(): void {
    this.driver.resume();
  }

  async end(): Promise<void> {
    this.driver.rest();
    await this.tasksEnded();
  }

  wake(instanceId: string): void {
    void this.kick(instanceId);
  }

  async sweep(): Promise<void> {
    const rows = await this.db.query<{ id: string }>(
      `select distinct instance_id as id from turns
       where state = 'queued' or (state = 'running' and cancel_requested and cancel_sent_at is null)`,
    );
    for (const { id } of rows) void this.kick(id);
  }

  kick(instanceId: string): Promise<void> {
    if (!this.leadership.leading) return this.leadership.wake('turns', instanceId);
    const running = this.tasks.get(instanceId);
    if (running) {
      running.again = true;
      return running.done;
    }
    const task: Task = { again: false, done: Promise.resolve() };
    this.tasks.set(instanceId, task);
    task.done = this.work(instanceId, task);
    return task.done;
  }

  async running(instance: Instance): Promise<void> {
    try {
      await this.driver.takeOver(instance);
    } catch (error) {
      this.logger.error(`Taking over instance ${instance.id} failed`, error);
      this.driver.later(instance.id, 2000);
    }
    void this.kick(instance.id);
  }

  async stopping(instanceId: string): Promise<void> {
    await this.driver.park(instanceId);
  }

  async halted(instanceId: string, reason: string, willReturn: boolean): Promise<void> {
    await this.driver.halted(instanceId, reason, willReturn);
  }

  /** Gives up the turn that waits first: what it needs will not come. */
  giveUp(instanceId: string, reason: string): Promise<void> {
    return this.driver.fail(instanceId, reason);
  }

  /** Settles a generation whose end will not be told. */
  async close(instanceId: string, generation: number, reason: string): Promise<void> {
    await this.driver.close(instanceId, generation, reason);
    void this.kick(instanceId);
  }

  /** Gives up every turn that waits: the agent does not run and is not meant to. */
  strand(instanceId: string, reason: string): Promise<void> {
    return this.driver.strand(instanceId, reason);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing = true;
    this.driver.shutDown();
    await this.tasksEnded();
  }

  private async tasksEnded(): Promise<void> {
    await Promise.allSettled([...this.tasks.values()].map((task) => task.done));
  }

  private async work(instanceId: string, task: Task): Promise<void> {
    do {
      task.again = false;
      if (this.closing || !this.leadership.leading) break;
      try {
        await this.step(instanceId);
      } catch (error) {
        this.logger.error(`Turns of instance ${instanceId} cannot go on`, error);
        this.driver.later(instanceId, 2000);
      }
    } while (task.again as boolean);
    // In the same breath as the last look at `again`: a kick after this begins a new task.
    this.tasks.delete(instanceId);
  }

  private async step(instanceId: string): Promise<void> {
    const instance = await this.db.of(Instance).findOneBy({ id: instanceId });
    if (!instance) return;
    const turns = await this.db.of(Turn).find({
      where: [
        { instanceId, state: 'queued' },
        { instanceId, state: 'running' },
      ],
      order: { number: 'ASC' },
    });
    await this.driver.cancelAsked(instance, turns);
    if (instance.state !== 'running' || instance.desired !== 'running') return;
    const next = nextOf(turns);
    if (next.length === 0) return this.driver.keepUp(instance);
    const agent = await this.db.of(Agent).findOneBy({ id: instance.agentId });
    if (!agent) return;
    try {
      let shared = turns.some((turn) => turn.state === 'running');
      for (const { id, model } of next) {
        const generation = await this.driver.ready(instance, agent, { model, shared });
        // Nobody overtakes one that waits for another model.
        if (!generation) break;
        await this.driver.send(instance, agent, generation, id);
        shared = true;
      }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      // The engine is away for a while: that is no fault of this turn.
      if (error.code === 'engine_unavailable') return this.driver.later(instanceId, 1000);
      await this.driver.fail(instanceId, error.message);
    }
  }
}
