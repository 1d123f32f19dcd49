import { randomUUID } from 'node:crypto';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Notifications } from '../../platform/database/notifications.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { DomainError } from '../errors/domain-error.js';
import { backOff, defaultAttempts, type ClaimedJob, type JobHandler } from './job.rules.js';
import { jobsChannel } from './jobs.service.js';

const leaseMs = 60_000;
const renewMs = 20_000;
const pollMs = 2_000;
/** At `$2`: to be begun, or left by a server that is gone. */
const due = `((state = 'waiting' and run_at <= $2) or (state = 'running' and lease_until < $2))`;
const drainMs = 6_000;
const atOnce = 4;
const keepFinishedMs = 7 * 24 * 3_600_000;

interface Running {
  readonly job: ClaimedJob;
  readonly claim: string;
  readonly abort: AbortController;
  done: Promise<void>;
}

interface ClaimedRow {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly payload: unknown;
  readonly attempts: number;
}

/** Every attempt ended with the process that made it. */
class Interrupted extends DomainError {
  readonly kind = 'internal';
  readonly code = 'job_interrupted';
  constructor(attempts: number) {
    super(`It was interrupted ${attempts} times and is not tried again.`);
  }
}

/** Claims due jobs and does them, four at a time. A job of a runner that died is taken over when its lease is over. */
@Injectable()
export class JobRunner implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(JobRunner.name);
  private readonly handlers = new Map<string, JobHandler>();
  private readonly running = new Map<string, Running>();
  private claiming: Promise<void> | null = null;
  private again = false;
  private stopping = false;
  private stopListening: () => void = () => undefined;
  private cancelPoll: () => void = () => undefined;

  constructor(
    private readonly db: UnitOfWork,
    private readonly notifications: Notifications,
    private readonly clock: Clock,
  ) {}

  /** Registers how jobs of a kind are done: once, before the server is up. */
  handle(kind: string, handler: JobHandler): void {
    if (this.handlers.has(kind)) throw new Error(`jobs of kind ${kind} have a handler already`);
    this.handlers.set(kind, handler);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.db.exclusive) {
      await this.db.query(
        `update jobs set state = 'waiting', claim = null, lease_until = null where state = 'running'`,
      );
    }
    this.stopListening = await this.notifications.listen(jobsChannel, () => this.wake());
    this.wake();
  }

  /** Stops claiming, gives running jobs a moment to end, then aborts them; what is left is done by the next runner. */
  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    this.stopListening();
    this.cancelPoll();
    await this.claiming;
    const all = Promise.all([...this.running.values()].map(({ done }) => done));
    const patience = new AbortController();
    await Promise.race([all, this.clock.sleep(drainMs, patience.signal).catch(() => undefined)]);
    patience.abort();
    for (const { abort } of this.running.values()) abort.abort(new Error('the server stops'));
    await Promise.race([all, this.clock.sleep(1_000)]);
  }

  /** Looks for due jobs now. */
  private wake(): void {
    if (this.stopping) return;
    this.again = true;
    this.claiming ??= this.claimAll().finally(() => {
      this.claiming = null;
      if (this.again && this.running.size < atOnce) return this.wake();
      this.cancelPoll();
      if (!this.stopping) this.cancelPoll = this.clock.after(pollMs, () => this.wake());
    });
  }

  private async claimAll(): Promise<void> {
    try {
      while (this.again && !this.stopping && this.running.size < atOnce && this.handlers.size > 0) {
        this.again = false;
        // Most looks find nothing, and a claim is costly: it locks and writes.
        if (!(await this.isAnyDue())) continue;
        const claim = randomUUID();
        const rows = await this.claim(claim, atOnce - this.running.size);
        for (const row of rows) this.begin(row, claim);
        if (rows.length > 0) this.again = true;
      }
      if (this.handlers.size === 0) this.again = false;
    } catch (error) {
      this.again = false; // the poll tries again
      this.logger.error('jobs could not be claimed', error);
    }
  }

  private async isAnyDue(): Promise<boolean> {
    const [found] = await this.db.query<{ due: boolean }>(
      `select exists (select 1 from jobs where kind = any($1) and ${due}) as due`,
      [[...this.handlers.keys()], this.clock.now()],
    );
    return found?.due ?? false;
  }

  private async claim(claim: string, limit: number): Promise<readonly ClaimedRow[]> {
    const now = this.clock.now();
    return this.db.query<ClaimedRow>(
      `with due as (
         select id from jobs
         where kind = any($1) and ${due}
         order by run_at, id limit $3 for update skip locked),
       taken as (
         update jobs set state = 'running', claim = $4, lease_until = $5, attempts = attempts + 1
         where id in (select id from due) returning id, kind, key, payload, attempts, run_at)
       select id, kind, key, payload, attempts from taken order by run_at, id`,
      [[...this.handlers.keys()], now, limit, claim, new Date(now.getTime() + leaseMs)],
    );
  }

  private begin({ id, kind, key, payload, attempts }: ClaimedRow, claim: string): void {
    const running: Running = {
      job: { id, kind, key, payload, attempt: attempts },
      claim,
      abort: new AbortController(),
      done: Promise.resolve(),
    };
    running.done = this.perform(running)
      .catch((error: unknown) => this.logger.error(`job ${kind} ${key}: its outcome could not be stored`, error))
      .finally(() => {
        this.running.delete(id);
        this.wake();
      });
    this.running.set(id, running);
  }

  private async perform(running: Running): Promise<void> {
    const { job, abort } = running;
    const handler = this.handlers.get(job.kind);
    if (!handler) return;
    const attempts = handler.attempts ?? defaultAttempts;
    if (job.attempt > attempts) {
      await this.fail(running, attempts, new Interrupted(attempts));
      return;
    }
    const stopRenewing = this.keepLease(running);
    try {
      await handler.run(job, abort.signal);
    } catch (error) {
      await (abort.signal.aborted ? this.giveBack(running) : this.fail(running, attempts, error));
      return;
    } finally {
      stopRenewing();
    }
    await this.settle(running, `state = 'done', reason = null, finished_at = $3`, [this.clock.now()]);
  }

  private async fail(running: Running, attempts: number, error: unknown): Promise<void> {
    const { kind, key, attempt } = running.job;
    const reason = error instanceof DomainError ? error.message : 'It failed unexpectedly; the log has the details.';
    const now = this.clock.now();
    this.logger.warn(`job ${kind} ${key} failed (attempt ${attempt} of ${attempts})`, error);
    if (attempt >= attempts) {
      await this.settle(running, `state = 'failed', reason = $3, finished_at = $4`, [reason, now]);
      return;
    }
    const next = new Date(now.getTime() + backOff(attempt));
    await this.settle(running, `state = 'waiting', reason = $3, run_at = $4`, [reason, next]);
  }

  private giveBack(running: Running): Promise<void> {
    return this.settle(running, `state = 'waiting', attempts = attempts - 1, run_at = $3`, [this.clock.now()]);
  }

  /** Stores the outcome, unless another runner has taken the job over meanwhile. */
  private async settle({ job, claim }: Running, change: string, values: readonly unknown[]): Promise<void> {
    await this.db.run((tx) =>
      tx.query(`update jobs set ${change}, claim = null, lease_until = null where id = $1 and claim = $2`, [
        job.id,
        claim,
        ...values,
      ]),
    );
    await this.db.query(`delete from jobs where state = 'done' and finished_at < $1`, [
      new Date(this.clock.now().getTime() - keepFinishedMs),
    ]);
  }

  private keepLease(running: Running): () => void {
    let cancel: () => void = () => undefined;
    const renew = async (): Promise<void> => {
      const rows = await this.db.query(
        `with kept as (update jobs set lease_until = $3 where id = $1 and claim = $2 returning id) select id from kept`,
        [running.job.id, running.claim, new Date(this.clock.now().getTime() + leaseMs)],
      );
      if (rows.length === 0) running.abort.abort(new Error('another runner has taken the job over'));
      else schedule();
    };
    const schedule = (): void => {
      cancel = this.clock.after(renewMs, () => {
        renew().catch(schedule);
      });
    };
    schedule();
    return () => cancel();
  }
}
