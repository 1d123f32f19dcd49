import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Notifications } from '../../platform/database/notifications.js';
import type { Principal } from '../access/principal.js';
import { Clock } from '../clock.port.js';

/** Bounds what a lost notification can cost. */
const keepMs = 5000;
const most = 10_000;

interface Entry {
  readonly asked: Promise<Principal | null>;
  readonly until: number;
}

/**
 * Who was found for a credential, for a few seconds, so that not every request asks the database.
 * Everything is forgotten when anything about accounts changes: at once when this process changed it (`forget`), by
 * notification when another one did. Keys that live inside an agent are never kept, because they end with it.
 */
@Injectable()
export class KnownPrincipals implements OnApplicationBootstrap, OnModuleDestroy {
  private entries = new Map<string, Entry>();
  private stop: (() => void) | null = null;

  constructor(
    private readonly notifications: Notifications,
    private readonly clock: Clock,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.stop = await this.notifications.listen('flotilla_accounts', () => this.forget());
  }

  onModuleDestroy(): void {
    this.stop?.();
    this.stop = null;
    this.forget();
  }

  /** What `load` found for this key a moment ago, or finds now. Calls at once share one load. */
  async of(key: string, load: () => Promise<Principal | null>): Promise<Principal | null> {
    if (!this.stop) return load();
    const now = this.clock.now().getTime();
    const known = this.entries.get(key);
    if (known && known.until > now) return known.asked;

    const entry: Entry = { asked: load(), until: now + keepMs };
    if (this.entries.size >= most) this.entries.clear();
    this.entries.set(key, entry);
    const drop = (): void => {
      if (this.entries.get(key) === entry) this.entries.delete(key);
    };
    try {
      const who = await entry.asked;
      if (!who || (who.via.kind === 'key' && who.via.agentId !== null)) drop();
      return who;
    } catch (error) {
      drop();
      throw error;
    }
  }

  /** Call it after the commit of every change of users, keys, memberships or sign-outs, before answering. */
  forget(): void {
    this.entries = new Map();
  }
}
