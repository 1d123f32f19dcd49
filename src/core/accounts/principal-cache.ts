import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Notifications } from '../../platform/database/notifications.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Clock } from '../clock.port.js';

const channel = 'flotilla_callers';
/** A net under the announcements, not the way by which changes act. */
const longestMs = 60_000;
const most = 10_000;

/**
 * Who called lately, as they were read; only of those who may call. Everything is forgotten as soon as the database announces
 * that anything changed which makes a caller who they are (triggers of migration 0017), whoever changed it.
 *
 * Only where this process has the database to itself. There announcements and answers come over one channel, in order, so a
 * change is announced before whoever made it is told that it is stored: the next request cannot see what was before. A
 * PostgreSQL server announces over another connection, some time later, so callers are read for every request there.
 */
@Injectable()
export class PrincipalCache implements OnModuleInit, OnModuleDestroy {
  private readonly known = new Map<string, { readonly who: Principal; readonly until: number }>();
  private changes = 0;
  private listening = false;
  private stop: () => void = () => undefined;

  constructor(
    private readonly db: UnitOfWork,
    private readonly notifications: Notifications,
    private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    if (!this.db.exclusive) return;
    this.stop = await this.notifications.listen(channel, () => this.forget());
    this.listening = true;
  }

  onModuleDestroy(): void {
    this.listening = false;
    this.stop();
    this.forget();
  }

  /** The caller known under this name, or as `read` finds them. */
  async get(name: string, read: () => Promise<Principal | null>): Promise<Principal | null> {
    if (!this.listening) return read();
    const now = this.clock.now().getTime();
    const known = this.known.get(name);
    if (known && now < known.until) return known.who;

    const { changes } = this;
    const who = await read();
    // What was read before a change that was announced meanwhile is good for this request at most.
    if (who && changes === this.changes && this.listening) this.keep(name, who, now + longestMs);
    return who;
  }

  private keep(name: string, who: Principal, until: number): void {
    if (this.known.size >= most) this.known.clear();
    this.known.set(name, { who: Object.freeze(who), until });
  }

  private forget(): void {
    this.changes += 1;
    this.known.clear();
  }
}
