import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';

const flushAfterMs = 10_000;

/** Counts uses of API keys in memory and stores them together, so that a request with a key writes nothing. */
@Injectable()
export class KeyUsage implements BeforeApplicationShutdown {
  private readonly log = new Logger(KeyUsage.name);
  private pending = new Map<string, { count: number; at: Date }>();
  private cancel: (() => void) | null = null;

  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  record(keyId: string): void {
    const before = this.pending.get(keyId);
    this.pending.set(keyId, { count: (before?.count ?? 0) + 1, at: this.clock.now() });
    this.cancel ??= this.clock.after(flushAfterMs, () => {
      this.flush().catch((error: unknown) => this.log.warn(`uses of API keys were not stored: ${String(error)}`));
    });
  }

  /** Stores what was counted so far; call it before reading counts. */
  async flush(): Promise<void> {
    this.cancel?.();
    this.cancel = null;
    if (this.pending.size === 0) return;
    const uses = [...this.pending].map(([id, { count, at }]) => ({ id, count, at }));
    this.pending = new Map();
    await this.db.query(
      `update api_keys k set usage_count = k.usage_count + v.count, last_used_at = greatest(k.last_used_at, v.at)
       from jsonb_to_recordset($1::jsonb) as v(id text, count int, at timestamptz) where k.id = v.id`,
      [JSON.stringify(uses)],
    );
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.flush();
  }
}
