import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { FleetEvents } from '../events/fleet-events.js';
import { ContainerEngine, type StatsSample } from './engine.port.js';
import { EngineWatch } from './engine-watch.service.js';

/** What an instance uses, computed from two samples. */
export interface Usage {
  /** Of one core: 200 means two cores busy. One decimal. */
  readonly cpuPercent: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** ISO time of the newer sample. */
  readonly at: string;
}

interface Pair {
  readonly before: StatsSample | null;
  readonly now: StatsSample;
}

/** While somebody looks, every 2 seconds; otherwise seldom, so that an idle fleet costs nothing. */
const watchedMs = 2000;
const unwatchedMs = 60_000;
/** While an instance has not been measured twice, or the engine is not there yet. */
const soonMs = 1000;
/** Two samples that are closer tell nothing of CPU time. */
const apartMs = 500;
/** How long a caller waits for the first measurement of an instance. */
const firstMs = 8000;
/** How long one look counts as somebody watching. */
const watchMs = 60_000;

/** Samples running instances in the background: no request ever waits for the engine's statistics. */
@Injectable()
export class LiveStats implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(LiveStats.name);
  private readonly stopped = new AbortController();
  private samples = new Map<string, Pair>();
  private lookedAt = 0;
  private takenAt = 0;
  /** Something runs that has not been measured twice: only then its CPU time means something. */
  private unsettled = true;
  private readonly waiting = new Set<() => void>();
  private nudge: () => void = () => undefined;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly db: UnitOfWork,
    private readonly engine: ContainerEngine,
    private readonly watch: EngineWatch,
    private readonly clock: Clock,
    private readonly events: FleetEvents,
  ) {}

  onApplicationBootstrap(): void {
    // What has just started is measured at once: whoever asks first is not shown nothing.
    this.unsubscribe = this.events.subscribe((published) => {
      if (published.some(({ type, data }) => type === 'instance.state' && data['state'] === 'running')) this.nudge();
    });
    void this.loop();
  }

  beforeApplicationShutdown(): void {
    this.unsubscribe();
    this.stopped.abort();
    this.nudge();
    this.tellAll();
  }

  /** null until the first sample of an instance was taken, a moment after it started. */
  of(instanceId: string): Usage | null {
    const now = this.clock.now().getTime();
    const unwatched = now - this.lookedAt > watchMs;
    this.lookedAt = now;
    const pair = this.samples.get(instanceId);
    if (unwatched || (!pair && now - this.takenAt >= soonMs)) this.nudge();
    return pair ? usageOf(pair.before, pair.now) : null;
  }

  /** As `of`, but waits for an instance that has only just started. null: it could not be measured. */
  async measured(instanceId: string): Promise<Usage | null> {
    const until = this.clock.now().getTime() + firstMs;
    let usage = this.of(instanceId);
    while (!this.samples.get(instanceId)?.before && this.watch.connected && !this.stopped.signal.aborted) {
      const left = until - this.clock.now().getTime();
      if (left <= 0) break;
      await this.nextSample(left);
      usage = this.of(instanceId);
    }
    return usage;
  }

  /** Whole seconds since the container started. */
  uptimeSeconds(instance: { readonly startedAt: Date | null }): number {
    if (!instance.startedAt) return 0;
    return Math.max(0, Math.floor((this.clock.now().getTime() - instance.startedAt.getTime()) / 1000));
  }

  private async loop(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      if (this.watch.connected) {
        await this.sample().catch((error: unknown) => {
          this.logger.debug(`Sampling failed: ${error instanceof Error ? error.message : 'unknown failure'}`);
        });
      }
      this.takenAt = this.clock.now().getTime();
      this.tellAll();
      const watched = this.takenAt - this.lookedAt <= watchMs;
      await this.pause(this.unsettled || !this.watch.connected ? soonMs : watched ? watchedMs : unwatchedMs);
    }
  }

  private async sample(): Promise<void> {
    const rows = await this.db.query<{ ref: string }>(
      `select ref from instances where state = 'running' and ref is not null`,
    );
    if (rows.length === 0) {
      this.samples.clear();
      this.unsettled = false;
      return;
    }
    const taken = await this.engine.sample(rows.map((row) => row.ref));
    const next: typeof this.samples = new Map();
    for (const now of taken) {
      next.set(now.instanceId, pairOf(this.samples.get(now.instanceId), now));
    }
    this.samples = next;
    this.unsettled = [...next.values()].some(({ before }) => before === null);
  }

  private tellAll(): void {
    for (const tell of [...this.waiting]) tell();
  }

  private nextSample(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        cancel();
        this.waiting.delete(over);
        resolve();
      };
      const cancel = this.clock.after(ms, over);
      this.waiting.add(over);
    });
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.clock.after(ms, resolve);
      this.nudge = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** The older sample is the last one that is long enough ago for its difference to say something, and of the same start. */
export function pairOf(known: Pair | undefined, now: StatsSample): Pair {
  if (!known || known.now.cpuNanos > now.cpuNanos) return { before: null, now };
  const apart = Date.parse(now.at) - Date.parse(known.now.at) >= apartMs;
  return { before: apart ? known.now : known.before, now };
}

/** CPU from two samples, the rest from the newer one. */
export function usageOf(before: StatsSample | null, now: StatsSample): Usage {
  const wallMs = before ? Date.parse(now.at) - Date.parse(before.at) : 0;
  const cpuMs = before ? Number(now.cpuNanos - before.cpuNanos) / 1e6 : 0;
  const { memoryBytes, memoryLimitBytes, rxBytes, txBytes, at } = now;
  const cpuPercent = wallMs > 0 ? Math.round((cpuMs / wallMs) * 1000) / 10 : 0;
  return { cpuPercent, memoryBytes, memoryLimitBytes, rxBytes, txBytes, at };
}
