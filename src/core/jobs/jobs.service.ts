import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import type { Job, JobState } from './job.entity.js';

export interface NewJob {
  /** Names the handler. */
  readonly kind: string;
  /** Names the piece of work: while a job with this kind and key is unfinished, asking again changes nothing. */
  readonly key: string;
  /** Anything JSON can hold; never a secret. */
  readonly payload?: unknown;
  /** Not before this time; default now. */
  readonly runAt?: Date;
}

/** What people may see of a job. */
export interface JobView {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly state: JobState;
  readonly runAt: Date;
  readonly attempts: number;
  readonly reason: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

export const jobsChannel = 'flotilla_jobs';

/** Writes and shows jobs. `JobRunner` does them. */
@Injectable()
export class JobsService {
  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Stores the job with the unit of work that needs it. Returns false when an unfinished one exists already. */
  async enqueue(tx: Tx, { kind, key, payload = {}, runAt }: NewJob): Promise<boolean> {
    const now = this.clock.now();
    const rows = await tx.query(
      `insert into jobs (kind, key, payload, state, run_at, created_at) values ($1, $2, $3::jsonb, 'waiting', $4, $5)
       on conflict (kind, key) where finished_at is null do nothing returning id`,
      [kind, key, JSON.stringify(payload), runAt ?? now, now],
    );
    if (rows.length === 0) return false;
    await tx.query('select pg_notify($1, $2)', [jobsChannel, kind]);
    return true;
  }

  /** Takes back a job that has not begun. Says whether there was one. */
  async cancel(tx: Tx, kind: string, key: string): Promise<boolean> {
    const rows = await tx.query(
      `with gone as (delete from jobs where kind = $1 and key = $2 and state = 'waiting' returning id) select id from gone`,
      [kind, key],
    );
    return rows.length > 0;
  }

  /** The newest job of this kind and key, or null. */
  async find(kind: string, key: string): Promise<JobView | null> {
    const [row] = await this.list({ kind, key, limit: 1 });
    return row ?? null;
  }

  /** Newest first. */
  async list(
    filter: { kind?: string; key?: string; state?: JobState; limit?: number } = {},
  ): Promise<readonly JobView[]> {
    const { limit = 100, ...where } = filter;
    return this.db.of<Job>('Job').find({ where, order: { id: 'DESC' }, take: limit });
  }

  /** Resolves when no unfinished job of this kind and key is left; rejects with the signal's reason. */
  async finished(kind: string, key: string, signal: AbortSignal): Promise<JobView | null> {
    for (;;) {
      const job = await this.find(kind, key);
      if (!job || job.finishedAt) return job;
      await this.clock.sleep(500, signal);
    }
  }
}
