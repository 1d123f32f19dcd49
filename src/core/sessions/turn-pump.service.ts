import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { DomainError } from '../errors/domain-error.js';
import type { InstanceHook } from '../instances/instance-hooks.js';
import { Instance } from '../instances/instance.entity.js';
import { RuntimeDriver } from './runtime-driver.service.js';
import { Turn } from './turn.entity.js';

interface Task {
  again: boolean;
  done: Promise<void>;
}

/**
 * Moves turns forward, one instance at a time: sees that a runtime lives, that the conversation is loaded, and sends the
 * next prompt. It works from what is stored, so it may be called as often as anyone likes, also after a crash.
 */
@Injectable()
export class TurnPump implements InstanceHook, BeforeApplicationShutdown {
  private readonly logger = new Logger(TurnPump.name);
  private readonly tasks = new Map<string, Task>();
  private closing = false;

  constructor(
    private readonly db: UnitOfWork,
    private readonly driver: RuntimeDriver,
  ) {
    driver.onChange((instanceId) => {
      void this.kick(instanceId);
    });
  }

  kick(instanceId: string): Promise<void> {
    const running = this.tasks.get(instanceId);
    if (running) {
      running.again = true;
      return running.done;
    }
    const task: Task = { again: false, done: Promise.resolve() };
    this.tasks.set(instanceId, task);
    task.done = this.work(instanceId, task).finally(() => this.tasks.delete(instanceId));
    return task.done;
  }

  async running(instance: Instance): Promise<void> {
    await this.driver.takeOver(instance);
    void this.kick(instance.id);
  }

  async stopping(instanceId: string): Promise<void> {
    await this.driver.park(instanceId);
  }

  async halted(instanceId: string, reason: string, willReturn: boolean): Promise<void> {
    await this.driver.halted(instanceId, reason, willReturn);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing = true;
    this.driver.close();
    await Promise.allSettled([...this.tasks.values()].map((task) => task.done));
  }

  private async work(instanceId: string, task: Task): Promise<void> {
    do {
      task.again = false;
      if (this.closing) return;
      try {
        await this.step(instanceId);
      } catch (error) {
        this.logger.error(`Turns of instance ${instanceId} cannot go on`, error);
        this.driver.later(instanceId, 2000);
      }
    } while (task.again as boolean);
  }

  private async step(instanceId: string): Promise<void> {
    const instance = await this.db.of(Instance).findOneBy({ id: instanceId });
    if (instance?.state !== 'running' || instance.desired !== 'running') return;
    const turns = await this.db.of(Turn).find({
      where: [
        { instanceId, state: 'queued' },
        { instanceId, state: 'running' },
      ],
      order: { number: 'ASC' },
    });
    const working = turns.filter((turn) => turn.state === 'running');
    await this.driver.cancelAsked(instance, turns);
    if (turns.length === 0 || working.length > 0) return this.driver.keepUp(instance);
    const agent = await this.db.of(Agent).findOneByOrFail({ id: instance.agentId });
    const [first] = turns;
    try {
      const generation = first && (await this.driver.ready(instance, agent, first.model));
      if (generation) await this.driver.send(instance, agent, generation, first.id);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      await this.driver.fail(instanceId, error.message);
    }
  }
}
