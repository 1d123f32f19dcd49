import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { Invalid } from '../errors/domain-error.js';
import { Leadership, type LedWork } from '../leadership/leadership.service.js';
import { ScheduleRuns } from './schedule-runs.service.js';

/** How long it rests when nothing is due sooner. Also how soon a clock that was moved by hand is noticed. */
const restMs = 15_000;
/** While a run waits for its agent, or after something failed. */
const busyMs = 1000;
const shortestMs = 50;
/** Due schedules taken at a time. */
const batch = 200;

interface Due extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly agent_id: string;
}

/** Looks at the clock, on the one server that leads, and begins what is due. */
@Injectable()
export class Scheduler implements LedWork, BeforeApplicationShutdown {
  private readonly logger = new Logger(Scheduler.name);
  private readonly stopped = new AbortController();
  private hurry = new AbortController();
  private rounds: Promise<void> = Promise.resolve();
  private round: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly leadership: Leadership,
    private readonly runs: ScheduleRuns,
  ) {
    leadership.add('schedules', this);
  }

  get leading(): boolean {
    return this.leadership.leading;
  }

  start(): void {
    this.rounds = this.loop();
  }

  begin(): void {
    this.hurry.abort();
  }

  async end(): Promise<void> {
    await this.round;
  }

  wake(): void {
    this.hurry.abort();
  }

  sweep(): Promise<void> {
    return Promise.resolve(); // it looks by itself
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped.abort();
    this.hurry.abort();
    await this.rounds;
  }

  /** One look: begins what is due and sends what waits. @returns milliseconds until the next look is worth while */
  async look(): Promise<number> {
    const now = this.clock.now();
    const due = await this.db.query<Due>(
      'select id, agent_id from schedules where enabled and next_run_at <= $1 order by next_run_at limit $2',
      [now, batch],
    );
    let failed = false;
    for (const { id, agent_id } of due) {
      if (!this.leadership.leading) return restMs;
      await this.runs.fire(id, agent_id).catch(async (error: unknown) => {
        failed = true;
        await this.mend(id, error);
      });
    }
    const waiting = await this.db.query<Due>(
      `select id, agent_id from schedule_executions where state = 'pending' order by created_at limit $1`,
      [batch],
    );
    for (const { id, agent_id } of waiting) {
      if (!this.leadership.leading) return restMs;
      await this.runs.send(id, agent_id).catch((error: unknown) => {
        failed = true;
        this.logger.error(`A run of a schedule could not begin (${id})`, error);
      });
    }
    if (failed) return busyMs;
    const [next] = await this.db.query<{ at: Date | null; waiting: boolean }>(
      `select (select min(next_run_at) from schedules where enabled) as at,
         exists (select 1 from schedule_executions where state = 'pending') as waiting`,
    );
    const left = next?.at ? next.at.getTime() - this.clock.now().getTime() : restMs;
    return Math.max(shortestMs, Math.min(restMs, left, next?.waiting ? busyMs : restMs));
  }

  private async loop(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      this.hurry = new AbortController();
      const look = this.leadership.leading ? this.look() : Promise.resolve(restMs);
      this.round = look.catch(() => undefined);
      const pause = await look.catch((error: unknown) => {
        this.logger.warn('Schedules could not be looked at; the next look follows', error);
        return busyMs;
      });
      if (this.stopped.signal.aborted) return;
      await this.clock.sleep(pause, this.hurry.signal).catch(() => undefined);
    }
  }

  /** A schedule that cannot be read any more (its time zone was abolished) must not keep the others from firing. */
  private async mend(id: string, error: unknown): Promise<void> {
    this.logger.error(`Schedule ${id} could not fire`, error);
    if (!(error instanceof Invalid)) return;
    await this.db.query('update schedules set next_run_at = null where id = $1', [id]).catch(() => undefined);
  }
}
