import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
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

export interface Subscription {
  /** Live messages are held back until this is called, so that replayed ones come first. */
  release(): void;
  close(): void;
}

class Subscriber implements Subscription {
  private waiting: Ready[] | null = [];
  private work: Promise<void> = Promise.resolve();
  lastId = 0;

  constructor(
    readonly peer: Peer,
    public who: Principal | null,
    readonly refusedCode: number,
    private readonly allowed: (who: Principal, event: FleetEvent) => Promise<boolean>,
    private readonly leave: () => void,
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
      const { who } = this;
      if (who && !(await this.allowed(who, event))) return;
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

  close(): void {
    this.leave();
  }
}

/** How often open sockets are checked: access ends within a second after it was taken away. */
const checkMs = 1000;

/** Brings fleet events to sockets: worded once, filtered by right for each, in order. */
@Injectable()
export class EventFeed implements OnApplicationBootstrap, OnModuleDestroy {
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

  open(peer: Peer, who: Principal | null, refusedCode: number): Subscription {
    const allowed = (caller: Principal, event: FleetEvent): Promise<boolean> => this.audience.mayHear(caller, event);
    const subscriber: Subscriber = new Subscriber(peer, who, refusedCode, allowed, () => {
      this.subscribers.delete(subscriber);
    });
    this.subscribers.add(subscriber);
    return subscriber;
  }

  /** Sends what was missed since an event id. Null when that id is malformed or too long ago. */
  async replay(subscription: Subscription, lastSeen: string, most: number): Promise<number | null> {
    if (!/^\d{1,15}$/.test(lastSeen) || !(subscription instanceof Subscriber)) return null;
    const missed = await this.events.replay(Number(lastSeen), most + 1);
    if (missed === null || missed.length > most) return null;
    for (const event of missed) {
      const ready = await this.ready(event);
      if (ready) subscription.send(ready);
    }
    await subscription.settled();
    return missed.length;
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
