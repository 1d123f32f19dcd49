import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { Clock } from '../clock.port.js';
import { Unavailable } from '../errors/domain-error.js';
import { HealthService } from '../health/health.service.js';
import { Settings } from '../settings/settings.service.js';
import { ContainerEngine, type EngineEvent, type EngineInfo, type EngineInstance } from './engine.port.js';

/** Who wants to know what the engine reports. */
export interface EngineObserver {
  /** The engine's whole list, after each (re)connection and every 45 s. `afterGap`: events may have been missed before it. */
  listed(instances: readonly EngineInstance[], afterGap: boolean): Promise<void>;
  happened(event: EngineEvent): void;
  /** It does not answer any more. */
  lost?(): Promise<void>;
}

/** Below a minute by so much that what a silent event stream hid is seen within one. */
const listEveryMs = 45_000;
const pingEveryMs = 5000;
/** While it is away, so that agents come back soon after it. */
const missedEveryMs = 1000;

/**
 * Keeps in touch with the engine: one event stream, a list after each reconnect and every 45 s.
 * Answers "is it there?" from memory, so that no request has to ask.
 */
@Injectable()
export class EngineWatch implements BeforeApplicationShutdown {
  private readonly logger = new Logger(EngineWatch.name);
  private readonly stopped = new AbortController();
  private observer: EngineObserver | null = null;
  private reachable = false;
  private failure = 'not connected yet';
  private known: EngineInfo | null = null;
  /** What it cannot do is told once, not with each of its connections. */
  private readonly told = new Set<string>();
  private cursor: string | undefined;
  private streaming = false;
  private listDue = false;
  /** Events may have been missed since the last list that was answered. */
  private missed = false;

  constructor(
    private readonly engine: ContainerEngine,
    private readonly clock: Clock,
    private readonly settings: Settings,
    health: HealthService,
  ) {
    health.register('engine', () =>
      Promise.resolve(this.reachable ? { ok: true } : { ok: false, reason: `${this.engine.kind}: ${this.failure}` }),
    );
  }

  get connected(): boolean {
    return this.reachable;
  }

  /** What the engine said of itself at the last connection; null before the first. */
  get info(): EngineInfo | null {
    return this.known;
  }

  /** Throws `Unavailable` while the engine does not answer. */
  require(): EngineInfo {
    if (this.reachable && this.known) return this.known;
    throw new Unavailable('Docker is not available', 'engine_unavailable', 2);
  }

  /** Starts watching; returns once the engine was asked for the first time. */
  async start(observer: EngineObserver): Promise<void> {
    this.observer = observer;
    this.cursor = (await this.settings.get('engine.cursor')) ?? undefined;
    await this.ping();
    void this.keepPinging();
  }

  /** A call found the engine silent: asks it at once, instead of at the next ping, whether it is away. */
  async answers(): Promise<boolean> {
    await this.ping();
    return this.reachable;
  }

  /** Shows the observer everything, as after a gap: it did not listen before. */
  async relist(): Promise<void> {
    if (this.reachable) await this.list(true);
  }

  private lost(reason: string): void {
    const wasThere = this.reachable;
    this.reachable = false;
    this.failure = reason;
    if (!wasThere) return;
    this.logger.warn(`The engine does not answer: ${reason}`);
    this.observer?.lost?.().catch((error: unknown) => this.logger.warn('The loss of the engine was not told', error));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped.abort();
    if (this.cursor) await this.settings.set('engine.cursor', this.cursor).catch(() => undefined);
  }

  private async keepPinging(): Promise<void> {
    let listedAt = this.clock.now().getTime();
    for (;;) {
      const pauseMs = this.reachable ? pingEveryMs : missedEveryMs;
      await this.clock.sleep(pauseMs, this.stopped.signal).catch(() => undefined);
      if (this.stopped.signal.aborted) return;
      await this.ping();
      const now = this.clock.now().getTime();
      // A clock that was put back must not keep it from looking.
      if ((this.listDue || Math.abs(now - listedAt) >= listEveryMs) && this.reachable) {
        listedAt = now;
        await this.list(false);
        if (this.cursor) await this.settings.set('engine.cursor', this.cursor).catch(() => undefined);
      }
    }
  }

  private async ping(): Promise<void> {
    try {
      this.known = await this.engine.connect();
      if (!this.reachable) this.logger.log(`Connected to the ${this.engine.kind} engine ${this.known.version}`);
      this.tell(this.known.warnings);
      const wasAway = !this.reachable;
      this.reachable = true;
      if (!this.streaming) void this.stream();
      // Its stream may find back later; what ended meanwhile was seen by nobody.
      else if (wasAway) await this.list(true);
    } catch (error) {
      this.lost(error instanceof Error ? error.message : 'unknown failure');
    }
  }

  private tell(warnings: readonly string[]): void {
    for (const warning of warnings.filter((one) => !this.told.has(one))) this.logger.warn(warning);
    for (const warning of warnings) this.told.add(warning);
  }

  private async stream(): Promise<void> {
    this.streaming = true;
    try {
      for await (const signal of this.engine.events({ since: this.cursor, signal: this.stopped.signal })) {
        if (signal.kind === 'connected') {
          await this.list(true);
          continue;
        }
        this.cursor = signal.event.at;
        this.observer?.happened(signal.event);
      }
    } catch (error) {
      if (!this.stopped.signal.aborted) this.logger.warn('The engine event stream ended', error);
    } finally {
      this.streaming = false;
    }
  }

  private async list(afterGap: boolean): Promise<void> {
    this.missed ||= afterGap;
    try {
      const found = await this.engine.list();
      const { missed } = this;
      this.missed = false;
      await this.observer?.listed(found, missed).catch((error: unknown) => {
        this.missed ||= missed;
        throw error;
      });
      this.listDue = false;
    } catch (error) {
      this.listDue = true; // with the next ping
      this.logger.warn(`Listing containers failed: ${error instanceof Error ? error.message : 'unknown failure'}`);
    }
  }
}
