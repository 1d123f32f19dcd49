import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Clock } from '../clock.port.js';
import { FleetEvents } from '../events/fleet-events.js';
import { Callers } from './callers.js';
import type { ShellPlace } from './shells.service.js';
import { SshLogins } from './ssh-logins.service.js';

/** Why a visit is over, in words that follow "flotilla: ". */
export type VisitEnd =
  'access has expired' | 'access was taken away' | 'the agent was stopped' | 'the agent was deleted';

/** Somebody inside an agent: by a key over SSH, or signed in at a terminal. */
export interface Visit {
  readonly agentId: string;
  /** Null: there was nothing running to visit. */
  readonly place: ShellPlace | null;
  readonly by: { readonly credentialId: string; readonly expiresAt: Date } | { readonly who: Principal };
  end(reason: VisitEnd): void;
}

interface Running {
  readonly agent_id: string;
  readonly id: string;
  readonly boot: string | null;
}

/** Every second is often enough: access ends within five. Events only make it quicker. */
const checkMs = 1000;

/** Ends visits whose reason is gone: by the stored state, so that it does not matter which server took access away. */
@Injectable()
export class Visits implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Visits.name);
  private readonly visits = new Set<Visit>();
  private work: Promise<void> | null = null;
  private again = false;
  private stop: () => void = () => undefined;
  private cancel: () => void = () => undefined;

  constructor(
    private readonly db: UnitOfWork,
    private readonly events: FleetEvents,
    private readonly clock: Clock,
    private readonly logins: SshLogins,
    private readonly callers: Callers,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = this.events.subscribe((events) => {
      if (events.some(({ agentId }) => [...this.visits].some((visit) => visit.agentId === agentId))) void this.check();
    });
  }

  onModuleDestroy(): void {
    this.stop();
    this.cancel();
    this.visits.clear();
  }

  /** From now on it is ended when its reason is gone. The returned function says that it is over by itself. */
  open(visit: Visit): () => void {
    this.visits.add(visit);
    if (this.visits.size === 1) this.schedule();
    return () => void this.visits.delete(visit);
  }

  /** Looks at every visit now. A call while it looks makes it look once more. */
  check(): Promise<void> {
    this.again = true;
    this.work ??= this.look().finally(() => (this.work = null));
    return this.work;
  }

  private schedule(): void {
    this.cancel();
    this.cancel = this.clock.after(checkMs, () => {
      void this.check().finally(() => {
        if (this.visits.size > 0) this.schedule();
      });
    });
  }

  private async look(): Promise<void> {
    while (this.again) {
      this.again = false;
      // What has run out needs no database to be over.
      for (const visit of this.visits) if (this.expired(visit)) this.end(visit, 'access has expired');
      await this.judge([...this.visits]).catch((error: unknown) =>
        this.logger.warn('visits could not be checked', error),
      );
    }
  }

  private expired({ by }: Visit): boolean {
    const until = 'who' in by ? (by.who.via.kind === 'login' ? by.who.via.expiresAt : null) : by.expiresAt;
    return until !== null && until <= this.clock.now();
  }

  private async judge(visits: readonly Visit[]): Promise<void> {
    if (visits.length === 0) return;
    const agents = JSON.stringify([...new Set(visits.map(({ agentId }) => agentId))]);
    const known = await this.db.query<{ id: string }>(
      'select id from agents where id in (select jsonb_array_elements_text($1::jsonb))',
      [agents],
    );
    const running = await this.db.query<Running>(
      `select agent_id, id, boot from instances
       where state = 'running' and desired = 'running' and agent_id in (select jsonb_array_elements_text($1::jsonb))`,
      [agents],
    );
    const good = await this.logins.stillGood(visits.flatMap(({ by }) => ('who' in by ? [] : [by.credentialId])));
    for (const visit of visits) {
      const { by, agentId } = visit;
      if (!known.some(({ id }) => id === agentId)) this.end(visit, 'the agent was deleted');
      else if (!running.some((one) => one.agent_id === agentId && isAt(visit, one)))
        this.end(visit, 'the agent was stopped');
      else if (!('who' in by ? await this.callers.mayEnter(by.who, agentId) : good.has(by.credentialId))) {
        this.end(visit, 'access was taken away');
      }
    }
  }

  private end(visit: Visit, reason: VisitEnd): void {
    if (this.visits.delete(visit)) visit.end(reason);
  }
}

const isAt = ({ place }: Visit, { id, boot }: Running): boolean => place?.instanceId === id && place.boot === boot;
