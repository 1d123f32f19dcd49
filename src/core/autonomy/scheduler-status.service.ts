import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Scheduler } from './scheduler.service.js';

export interface NextRun {
  readonly id: string;
  readonly name: string;
  readonly agentSlug: string;
  readonly nextRunAt: Date | null;
  readonly willFire: boolean;
}

export interface SchedulerState {
  /** Some server leads. */
  readonly running: boolean;
  /** It is this one. */
  readonly leading: boolean;
  /** Enabled schedules. */
  readonly enabled: number;
  readonly pending: number;
  readonly working: number;
  /** The next hundred, soonest first. */
  readonly next: readonly NextRun[];
}

interface Counts extends Readonly<Record<string, unknown>> {
  readonly enabled: string;
  readonly pending: string;
  readonly working: string;
  readonly led: boolean;
}

/** What the scheduler has before it. For administrators: their permission is checked at the door. */
@Injectable()
export class SchedulerStatus {
  constructor(
    private readonly db: UnitOfWork,
    private readonly scheduler: Scheduler,
  ) {}

  async get(): Promise<SchedulerState> {
    const next = await this.db.query<{ id: string; name: string; slug: string; at: Date | null; autonomy: boolean }>(
      `select s.id, s.name, a.slug, s.next_run_at as at, a.autonomy from schedules s join agents a on a.id = s.agent_id
       where s.enabled order by s.next_run_at nulls last, s.id limit 100`,
    );
    const [counts] = await this.db.query<Counts>(
      `select (select count(*) from schedules where enabled) as enabled,
         (select count(*) from schedule_executions where state = 'pending')
           + (select count(*) from turns where state = 'queued' and origin is not null) as pending,
         (select count(*) from turns where state = 'running' and origin is not null) as working,
         exists (select 1 from leases where until > clock_timestamp()) as led`,
    );
    const { leading } = this.scheduler;
    return {
      running: leading || counts?.led === true,
      leading,
      enabled: Number(counts?.enabled ?? 0),
      pending: Number(counts?.pending ?? 0),
      working: Number(counts?.working ?? 0),
      next: next.map(({ id, name, slug, at, autonomy }) => ({
        id,
        name,
        agentSlug: slug,
        nextRunAt: at,
        willFire: autonomy && at !== null,
      })),
    };
  }
}
