import { Injectable, Logger } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import { ChannelError, Channels, type Channel } from '../instances/channel.port.js';
import type { Instance } from '../instances/instance.entity.js';
import { Generation } from './generation.entity.js';
import { HomeSettings } from './home-settings.service.js';
import { PrivateContext } from './private-context.service.js';
import { RuntimeLine } from './runtime-line.entity.js';

interface Delivery {
  /** Highest number written to the spool by this process. */
  written: number;
  work: Promise<void>;
}

/** Folder of a generation inside the run place. */
export const folderOf = (generation: number): string => `gen/${generation}`;

/**
 * Lines for a runtime's standard input: numbered in the database first, then delivered as numbered files.
 * Delivering a number twice is harmless, because the feeder in the instance counts.
 */
@Injectable()
export class Spool {
  private readonly logger = new Logger(Spool.name);
  private readonly deliveries = new Map<string, Delivery>();

  constructor(
    private readonly db: UnitOfWork,
    private readonly channels: Channels,
    private readonly home: HomeSettings,
    private readonly context: PrivateContext,
  ) {}

  /** Numbers a message in the caller's transaction. Call `deliver` after commit. `generation` must be locked by the caller. */
  async push(tx: Tx, generation: Generation, message: Readonly<Record<string, unknown>>): Promise<void> {
    const { instanceId, number } = generation;
    const line = JSON.stringify({ jsonrpc: '2.0', ...message });
    await tx.of(RuntimeLine).insert({ instanceId, generation: number, number: generation.nextLine, line });
    generation.nextLine += 1;
    await tx.of(Generation).update({ instanceId, number }, { nextLine: generation.nextLine });
  }

  /** Writes what is numbered and not yet fed into the spool, and rings the bell. Repeats are harmless. */
  deliver(instance: Instance, generation: number): Promise<void> {
    const key = `${instance.id}/${generation}`;
    const delivery = this.deliveries.get(key) ?? { written: -1, work: Promise.resolve() };
    this.deliveries.set(key, delivery);
    delivery.work = delivery.work.then(() => this.write(instance, generation, delivery));
    return delivery.work;
  }

  /** Delivers again whatever the feeder has not fed, also what this process believes to be there. */
  redeliver(instance: Instance, generation: number): Promise<void> {
    this.deliveries.delete(`${instance.id}/${generation}`);
    return this.deliver(instance, generation);
  }

  /** Forgets what was written: the next delivery asks the feeder again. */
  forget(instanceId: string): void {
    for (const key of this.deliveries.keys()) if (key.startsWith(`${instanceId}/`)) this.deliveries.delete(key);
  }

  private async initialized(instance: Instance, number: number): Promise<unknown> {
    return (await this.db.of(Generation).findOneBy({ instanceId: instance.id, number }))?.agentInfo;
  }

  /** Number of the last line the feeder has fed; 0 before the first. */
  private async fed(instance: Instance, generation: number): Promise<number> {
    const channel = await this.channel(instance);
    try {
      const { data } = await channel.read('run', `${folderOf(generation)}/fed`);
      return Number(data.toString().trim()) || 0;
    } catch (error) {
      if (error instanceof ChannelError && error.fault === 'not_found') return 0;
      throw error;
    }
  }

  private async write(instance: Instance, generation: number, delivery: Delivery): Promise<void> {
    try {
      const channel = await this.channel(instance);
      if (delivery.written < 0) delivery.written = await this.settle(instance, generation);
      const lines = await this.db.query<{ number: number; line: string }>(
        `select number, line from runtime_lines where instance_id = $1 and generation = $2 and number > $3 order by number`,
        [instance.id, generation, delivery.written],
      );
      for (const { number, line } of lines) {
        const path = `${folderOf(generation)}/spool/${number}`;
        const own = await this.home.fill(instance, line, () => this.initialized(instance, generation));
        const filled = await this.context.fill(instance, own);
        await channel.write('run', path, `${filled}\n`, { mode: 0o600, sync: true });
        delivery.written = number;
      }
      await channel.ring('run', `${folderOf(generation)}/bell`).catch(() => false);
    } catch (error) {
      // The channel broke or the instance stopped: whoever opens it next delivers again, from what was fed.
      delivery.written = -1;
      this.logger.warn(
        `Delivery to ${instance.id} was cut: ${error instanceof Error ? error.message : 'unknown failure'}`,
      );
    }
  }

  /** Drops the lines that were fed, and answers the number of the last. */
  async settle(instance: Instance, generation: number): Promise<number> {
    const fed = await this.fed(instance, generation);
    await this.db.query('delete from runtime_lines where instance_id = $1 and generation = $2 and number <= $3', [
      instance.id,
      generation,
      fed,
    ]);
    return fed;
  }

  private channel(instance: Instance): Promise<Channel> {
    return this.channels.of({ instanceId: instance.id, ref: instance.ref ?? '' }, 'root');
  }
}
