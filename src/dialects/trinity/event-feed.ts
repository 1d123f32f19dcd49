import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Principal } from '../../core/access/principal.js';
import { AccountAuthenticator } from '../../core/accounts/account-authenticator.js';
import { Clock } from '../../core/clock.port.js';
import { FleetEvents, type FleetEvent } from '../../core/events/fleet-events.js';
import { AgentAudience } from '../../core/fleet/agent-audience.service.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import type { Peer } from '../../platform/http/peer.js';
import { AgentStatusView } from './agents.dto.js';
import { carriesAgent, worded } from './events.words.js';

/** A message ready to be sent: made once for all sockets. */
interface Ready {
  readonly event: FleetEvent;
  readonly text: string;
}

export interface Following {
  /** Code that closes the socket once the caller may not listen any more. */
  readonly refusedCode: number;
  /** Newest event the client knows; what came after it is told first. Null: it wants none. */
  readonly lastSeen: string | null;
  /** Said before anything else. */
  readonly welcome?: () => Promise<object>;
}

/** Messages a client may miss and still get them replayed. */
const longestReplay = 10_000;

class Subscriber {
  private waiting: Ready[] | null = [];
  private work: Promise<void> = Promise.resolve();
  lastId = 0;

  constructor(
    readonly peer: Peer,
    public who: Principal | null,
    readonly refusedCode: number,
    private readonly allowed: (who: Principal | null, event: FleetEvent) => Promise<boolean>,
  ) {}

  /** Sends in order; what was sent before (a replay overtook it) is not sent again. */
  offer(ready: Ready): void {
    if (this.waiting) this.waiting.push(ready);
    else this.send(ready);
  }

  send({ event, text }: Ready): void {
    this.work = this.work.then(async () => {
      if (event.id <= this.lastId || this.peer.gone.aborted) return;
      this.lastId = event.id;
      if (!(await this.allowed(this.who, event))) return;
      this.peer.send(text);
    });
  }

  settled(): Promise<void> {
    return this.work;
  }

  release(): void {
    const held = this.waiting ?? [];
    this.waiting = null;
    for (const ready of held) this.send(ready);
  }
}

/** How often open sockets are checked: access ends within a second after it was taken away. */
const checkMs = 1000;

/** Brings fleet events to sockets: worded once, filtered by right for each, in order. */
@Injectable()
export class EventFeed implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(EventFeed.name);
  private readonly subscribers = new Set<Subscriber>();
  private work: Promise<void> = Promise.resolve();
  private stop: () => void = () => undefined;
  private cancelCheck: () => void = () => undefined;

  constructor(
    private readonly events: FleetEvents,
    private readonly audience: AgentAudience,
    private readonly directory: AgentDirectory,
    private readonly authenticator: AccountAuthenticator,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = this.events.subscribe((events) => {
      if (this.subscribers.size > 0) this.work = this.work.then(() => this.publish(events));
    });
    this.scheduleCheck();
  }

  onModuleDestroy(): void {
    this.stop();
    this.cancelCheck();
  }

  /**
   * Tells a socket everything its caller may hear, until it closes: what it missed first, then live, in order and once each.
   * @param who null: nobody in particular, where the installation allows that
   */
  follow(peer: Peer, who: Principal | null, following: Following): void {
    const allowed = (caller: Principal | null, event: FleetEvent): Promise<boolean> =>
      this.audience.mayHear(caller, event);
    const subscriber = new Subscriber(peer, who, following.refusedCode, allowed);
    if (peer.gone.aborted) return;
    this.subscribers.add(subscriber);
    peer.gone.addEventListener('abort', () => this.subscribers.delete(subscriber));
    this.begin(subscriber, following).catch((error: unknown) => {
      this.logger.warn('An event socket failed', error);
      peer.close(1011, 'internal error');
    });
  }

  private async begin(subscriber: Subscriber, { lastSeen, welcome }: Following): Promise<void> {
    if (welcome) subscriber.peer.sendJson(await welcome());
    if (lastSeen !== null && !(await this.replay(subscriber, lastSeen))) {
      subscriber.peer.sendJson({ type: 'resync_required' });
    }
    subscriber.release();
  }

  /** Sends what was missed since an event id. False when that id is malformed or too long ago. */
  private async replay(subscriber: Subscriber, lastSeen: string): Promise<boolean> {
    if (!/^\d{1,15}$/.test(lastSeen)) return false;
    const missed = await this.events.replay(Number(lastSeen), longestReplay + 1);
    if (missed === null || missed.length > longestReplay) return false;
    for (const event of missed) {
      const ready = await this.ready(event);
      if (ready) subscriber.send(ready);
    }
    await subscriber.settled();
    return true;
  }

  private async publish(events: readonly FleetEvent[]): Promise<void> {
    for (const event of events) {
      const ready = await this.ready(event).catch(() => null);
      if (!ready) continue;
      for (const subscriber of this.subscribers) subscriber.offer(ready);
    }
  }

  private async ready(event: FleetEvent): Promise<Ready | null> {
    const name = event.agentId === null ? null : await this.audience.slugOf(event.agentId);
    const agent = name !== null && carriesAgent(event) ? await this.agentView(event) : null;
    const message = worded(event, { name, agent });
    return message && { event, text: JSON.stringify({ ...message, id: String(event.id) }) };
  }

  private async agentView(event: FleetEvent): Promise<AgentStatusView | null> {
    const found = event.agentId === null ? null : await this.directory.find(event.agentId);
    return found && AgentStatusView.of(found);
  }

  private scheduleCheck(): void {
    this.cancelCheck = this.clock.after(checkMs, () => {
      void this.check().finally(() => {
        this.scheduleCheck();
      });
    });
  }

  /** Ends sockets whose sign-in was revoked, and takes over roles and addresses that changed. */
  private async check(): Promise<void> {
    for (const subscriber of this.subscribers) {
      if (!subscriber.who) continue;
      const now = await this.authenticator.refresh(subscriber.who).catch(() => subscriber.who);
      if (now) subscriber.who = now;
      else subscriber.peer.close(subscriber.refusedCode, 'signed out');
    }
  }
}
