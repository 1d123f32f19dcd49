import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Notifications } from '../../platform/database/notifications.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { FleetEvents, type FleetEvent, type FleetListener } from './fleet-events.js';

const pollMs = 2_000;
const pruneMs = 10 * 60_000;
const batch = 500;
const keepMs = 7 * 24 * 3_600_000;
const keepRows = 100_000;
const prunedKey = 'outbox.pruned_to';

interface Row {
  readonly id: string;
  readonly type: string;
  readonly org_id: string;
  readonly agent_id: string | null;
  readonly data: Record<string, unknown>;
  readonly at: Date;
}

/** Publishes outbox rows after their commit, in order of id: at once by notification, and within 2 s without one. */
@Injectable()
export class OutboxRelay extends FleetEvents implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(OutboxRelay.name);
  private readonly listeners = new Set<FleetListener>();
  /** Id of the last event handed to listeners; null before the start. */
  private cursor: number | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;
  private readonly stops: (() => void)[] = [];
  private cancelPoll: () => void = () => undefined;
  private cancelPrune: () => void = () => undefined;

  constructor(
    private readonly db: UnitOfWork,
    private readonly notifications: Notifications,
    private readonly clock: Clock,
  ) {
    super();
  }

  async onApplicationBootstrap(): Promise<void> {
    this.cursor ??= await this.newestStored();
    this.stops.push(await this.notifications.listen('flotilla_outbox', () => this.wake()));
    this.wake();
    this.cancelPrune = this.clock.after(pruneMs, () => void this.pruneLater());
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.cancelPoll();
    this.cancelPrune();
    for (const stop of this.stops.splice(0)) stop();
    await this.running;
    this.listeners.clear();
  }

  subscribe(listener: FleetListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  async replay(afterId: number, limit = 1_000): Promise<readonly FleetEvent[] | null> {
    const [known] = await this.db.query<{ newest: string; pruned: string }>(
      `select coalesce((select max(id) from outbox), 0) as newest,
              coalesce((select value from settings where key = $1), '0'::jsonb)::text as pruned`,
      [prunedKey],
    );
    if (afterId < Number(known?.pruned ?? 0) || afterId > Number(known?.newest ?? 0)) return null;
    return this.rowsAfter(afterId, limit);
  }

  async newest(): Promise<number> {
    return this.cursor ?? this.newestStored();
  }

  /** Deletes what is older than 7 days or beyond 100,000 rows, but never the newest event: ids must keep growing. */
  async prune(): Promise<void> {
    await this.db.run(async (tx) => {
      await tx.query(
        `with doomed as (
           select id from outbox
           where id < (select max(id) from outbox)
             and (at < $1 or id <= (select max(id) from outbox) - $2)),
         gone as (delete from outbox where id in (select id from doomed))
         insert into settings (key, value)
         select $3, to_jsonb(max(id)) from doomed having count(*) > 0
         on conflict (key) do update set value = excluded.value, updated_at = now()`,
        [new Date(this.clock.now().getTime() - keepMs), keepRows, prunedKey],
      );
    });
  }

  private async pruneLater(): Promise<void> {
    await this.prune().catch((error: unknown) => this.logger.error('old events could not be removed', error));
    if (!this.stopped) this.cancelPrune = this.clock.after(pruneMs, () => void this.pruneLater());
  }

  /** Looks for new rows now; a call while it is looking makes it look once more. */
  private wake(): void {
    if (this.stopped) return;
    this.again = true;
    this.running ??= this.publish().finally(() => {
      this.running = null;
      if (this.again) return this.wake();
      this.cancelPoll();
      if (!this.stopped) this.cancelPoll = this.clock.after(pollMs, () => this.wake());
    });
  }

  private async publish(): Promise<void> {
    try {
      while (this.again && !this.stopped) {
        this.again = false;
        const events = await this.rowsAfter(this.cursor ?? 0, batch);
        const last = events.at(-1);
        if (!last) continue;
        this.cursor = last.id;
        this.tell(events);
        if (events.length === batch) this.again = true;
      }
    } catch (error) {
      this.again = false; // the poll tries again
      this.logger.error('events could not be read', error);
    }
  }

  private tell(events: readonly FleetEvent[]): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(events);
      } catch (error) {
        this.logger.error('a listener failed', error);
      }
    }
  }

  private async rowsAfter(id: number, limit: number): Promise<readonly FleetEvent[]> {
    const rows = await this.db.query<Row>(
      'select id, type, org_id, agent_id, data, at from outbox where id > $1 order by id limit $2',
      [id, limit],
    );
    return rows.map((row) => ({
      id: Number(row.id),
      type: row.type,
      orgId: row.org_id,
      agentId: row.agent_id,
      data: row.data,
      at: row.at,
    }));
  }

  private async newestStored(): Promise<number> {
    const [row] = await this.db.query<{ id: string }>('select coalesce(max(id), 0) as id from outbox');
    return Number(row?.id ?? 0);
  }
}
