import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { FleetEvents } from '../events/fleet-events.js';
import { ContainerEngine } from './engine.port.js';
import { GivenValues } from './given-values.js';
import { InstancesService } from './instances.service.js';
import { lengthOf, type LogItem, LogSource } from './log-source.js';

/** Characters that may wait for a slow reader; older ones are left out, and it is told how many. */
const mostWaiting = 512 * 1024;
const idleMs = 15_000;

/** Output of agents as it comes: one stream of the engine per agent, however many follow, ended when the last one leaves. */
@Injectable()
export class LogFollowers implements OnModuleDestroy {
  private readonly sources = new Map<string, LogSource>();

  constructor(
    private readonly engine: ContainerEngine,
    private readonly instances: InstancesService,
    private readonly events: FleetEvents,
    private readonly clock: Clock,
    private readonly given: GivenValues,
  ) {}

  onModuleDestroy(): void {
    for (const source of this.sources.values()) source.end();
    this.sources.clear();
  }

  /** Streams of the engine that are open. */
  get open(): number {
    return this.sources.size;
  }

  /** Follows until `signal` fires. */
  async *follow(agent: Agent, signal: AbortSignal): AsyncGenerator<LogItem, void, undefined> {
    const box = new LogBox(this.clock, signal);
    const source = this.sourceOf(agent.id);
    const leave = source.join((item) => box.put(item));
    try {
      while (!signal.aborted) {
        for (let item = box.take(); item; item = box.take()) {
          yield item;
          if (signal.aborted) return;
        }
        if (!(await box.wait(idleMs))) yield { type: 'idle' };
      }
    } finally {
      leave();
      if (source.followers === 0) {
        source.end();
        if (this.sources.get(agent.id) === source) this.sources.delete(agent.id);
      }
    }
  }

  private sourceOf(agentId: string): LogSource {
    const known = this.sources.get(agentId);
    if (known) return known;
    const { engine, instances, clock, given } = this;
    const source = new LogSource(agentId, { engine, instances, clock, given });
    this.sources.set(agentId, source);
    void source.run(this.events);
    return source;
  }
}

/** What waits for one follower. */
class LogBox {
  private waiting: LogItem[] = [];
  private characters = 0;
  private skipped = 0;
  private wake: () => void = () => undefined;

  constructor(
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
  ) {}

  put(item: LogItem): void {
    if (item.type === 'start') Object.assign(this, { waiting: [], characters: 0, skipped: 0 });
    this.waiting.push(item);
    this.characters += lengthOf(item);
    while (this.characters > mostWaiting) {
      const oldest = this.waiting.findIndex(({ type }) => type === 'text');
      const [gone] = this.waiting.splice(oldest, 1);
      const length = gone ? lengthOf(gone) : this.characters;
      this.characters -= length;
      this.skipped += length;
    }
    this.wake();
  }

  take(): LogItem | null {
    // That the output begins anew is said before that some of it is missing.
    if (this.skipped > 0 && this.waiting[0]?.type !== 'start') {
      const item: LogItem = { type: 'skipped', characters: this.skipped };
      this.skipped = 0;
      return item;
    }
    const item = this.waiting.shift() ?? null;
    if (item) this.characters -= lengthOf(item);
    return item;
  }

  /** True when there is something; false after `ms`. */
  async wait(ms: number): Promise<boolean> {
    if (this.waiting.length > 0) return true;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        cancel();
        this.signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = this.clock.after(ms, finish);
      this.signal.addEventListener('abort', finish, { once: true });
      this.wake = finish;
    });
    return this.waiting.length > 0 || this.signal.aborted;
  }
}
