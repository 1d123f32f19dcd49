import { randomUUID } from 'node:crypto';
import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { Notifications } from '../../platform/database/notifications.js';
import { replicaIdOf } from '../../platform/database/replica-id.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';

/** Work that one server at a time does. */
export interface LedWork {
  /** This server leads from now on: takes over what another one did. Not called when it leads from the start. */
  begin(): void | Promise<void>;
  /** It does not any more: begins nothing new. Resolves when what was under way has ended. */
  end(): void | Promise<void>;
  /** Some server asks for a look at one thing. */
  wake(id: string): void;
  /** A call to wake up may have been lost with its sender: looks for whatever waits. */
  sweep(): Promise<void>;
}

const lease = 'leader';
/** By the database's clock. What is begun just before we stop has the difference to `holdMs` to end. */
const leaseSeconds = 6;
/** Without a renewal for this long the work stops: before the lease runs out, whatever the clocks say. */
const holdMs = 4000;
const renewMs = 1500;
const tryMs = 1000;
/** An answer that takes longer is none. */
const askMs = 3000;
const sweepMs = 5000;

/**
 * One of the servers on a database leads: it reconciles, reads journals and takes care; all of them serve requests. With
 * the embedded database there is one process only, which leads from the start and for ever.
 */
@Injectable()
export class Leadership implements BeforeApplicationShutdown {
  private readonly logger = new Logger(Leadership.name);
  private readonly works = new Map<string, LedWork>();
  private readonly stopped = new AbortController();
  private readonly server: string;
  private readonly holder: string;
  private held: boolean;
  private rounds: Promise<void> = Promise.resolve();
  private readonly stops: (() => void)[] = [];
  private cancelLapse = (): void => undefined;
  private cancelSweep = (): void => undefined;
  private hurry = new AbortController();

  constructor(
    private readonly db: UnitOfWork,
    private readonly notifications: Notifications,
    private readonly clock: Clock,
    config: Config,
  ) {
    this.held = db.exclusive;
    this.server = db.exclusive ? 'only' : replicaIdOf(config.dataDir);
    this.holder = `${this.server}/${randomUUID()}`;
  }

  get leading(): boolean {
    return this.held;
  }

  /** Announces led work under a name, before `start`. */
  add(name: string, work: LedWork): void {
    this.works.set(name, work);
  }

  /** Returns after the first try, so that a lone server leads before it answers. */
  async start(): Promise<void> {
    if (this.db.exclusive) return;
    this.stops.push(await this.notifications.listen('flotilla_leader', () => this.hurry.abort()));
    this.stops.push(await this.notifications.listen('flotilla_wake', (payload) => this.woken(payload)));
    await this.round(true);
    this.rounds = this.keepOn();
  }

  /** Asks whoever leads for a look at one thing of a work. A hint, sent after the change it is about is stored. */
  async wake(name: string, id: string): Promise<void> {
    if (this.held) return this.works.get(name)?.wake(id);
    await this.db
      .query('select pg_notify($1, $2)', ['flotilla_wake', `${name} ${id}`])
      .catch((error: unknown) => this.logger.warn('The leading server could not be woken; it looks by itself', error));
  }

  /** Stops the work, then lets another server have it at once. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopped.abort();
    this.hurry.abort();
    for (const stop of this.stops.splice(0)) stop();
    await this.rounds;
    if (this.db.exclusive || !this.held) return;
    const patience = this.clock.sleep(holdMs);
    await Promise.race([this.lose('this server stops'), patience]);
    await this.db
      .query(
        `with given as (update leases set until = clock_timestamp() where name = $1 and holder = $2 returning name)
         select pg_notify('flotilla_leader', '') from given`,
        [lease, this.holder],
      )
      .catch((error: unknown) => this.logger.warn('The lease could not be given back; it runs out by itself', error));
  }

  private async keepOn(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      this.hurry = new AbortController();
      await this.clock.sleep(this.held ? renewMs : tryMs, this.hurry.signal).catch(() => undefined);
      if (!this.stopped.signal.aborted) await this.round(false);
    }
  }

  /** `first`: a lease of an earlier life of this server is its own. */
  private async round(first: boolean): Promise<void> {
    // Counted from before the question: the lease begins after it.
    const cancel = this.clock.after(holdMs, () => void this.lose('the lease could not be renewed in time'));
    try {
      if (!(await this.ask(first))) {
        cancel();
        void this.lose('another server has the lease');
        return;
      }
    } catch (error) {
      cancel(); // that of the last renewal goes on
      this.logger.warn(
        `The lease could not be asked for: ${error instanceof Error ? error.message : 'unknown failure'}`,
      );
      return;
    }
    this.cancelLapse();
    this.cancelLapse = cancel;
    if (!this.held) this.gain(first);
  }

  private async ask(first: boolean): Promise<boolean> {
    const patience = new AbortController();
    const late = this.clock.sleep(askMs, patience.signal).then(() => {
      throw new Error(`no answer within ${askMs} ms`);
    });
    const rows = this.db.query(
      `with taken as (
         insert into leases (name, holder, until) values ($1, $2, clock_timestamp() + $3 * interval '1 second')
         on conflict (name) do update set holder = excluded.holder, until = excluded.until
         where leases.holder = $2 or leases.until < clock_timestamp()
           or ($4 and split_part(leases.holder, '/', 1) = split_part($2, '/', 1))
         returning holder)
       select holder from taken`,
      [lease, this.holder, leaseSeconds, first],
    );
    try {
      return (await Promise.race([rows, late])).length > 0;
    } finally {
      late.catch(() => undefined);
      rows.catch(() => undefined);
      patience.abort();
    }
  }

  private gain(first: boolean): void {
    this.held = true;
    this.sweepLater();
    this.logger.log('This server leads: it does the work behind the requests');
    if (first) return;
    for (const [name, work] of this.works) this.doing(name, () => work.begin());
  }

  private async lose(why: string): Promise<void> {
    if (!this.held) return;
    this.held = false;
    this.cancelLapse();
    this.cancelSweep();
    this.logger.warn(`This server does not lead any more: ${why}`);
    await Promise.allSettled([...this.works.values()].map(async (work) => work.end()));
  }

  private woken(payload: string): void {
    if (!this.held) return;
    const [, name, id] = /^(\S+) (\S+)$/.exec(payload) ?? [];
    if (name !== undefined && id !== undefined) this.works.get(name)?.wake(id);
    else this.sweepNow(); // the listening was interrupted
  }

  private sweepLater(): void {
    this.cancelSweep();
    this.cancelSweep = this.clock.after(sweepMs, () => {
      this.sweepNow();
      this.sweepLater();
    });
  }

  private sweepNow(): void {
    for (const [name, work] of this.works) this.doing(name, () => work.sweep());
  }

  private doing(name: string, work: () => void | Promise<void>): void {
    Promise.resolve()
      .then(work)
      .catch((error: unknown) => this.logger.error(`Looking after ${name} failed`, error));
  }
}
