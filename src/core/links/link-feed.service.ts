import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.port.js';
import { LimitReached } from '../errors/domain-error.js';
import { FleetEvents } from '../events/fleet-events.js';
import type { AgentRequest } from '../sessions/agent-request.entity.js';
import { SessionWatch, type SeenUpTo, type WatchItem } from '../sessions/session-watch.service.js';
import { LinkTalk } from './link-talk.service.js';
import { Links, type SessionLink } from './links.service.js';
import { merged } from './merged.js';

export type FeedItem =
  | WatchItem
  /** How the agent and the conversation are now; null: the address leads nowhere any more, and nothing follows. */
  | { readonly type: 'state'; readonly link: SessionLink | null }
  /** All that waits for an answer now. */
  | { readonly type: 'waiting'; readonly requests: readonly AgentRequest[] };

export interface FeedOptions {
  readonly since: SeenUpTo | null;
  /** Go on until `signal` fires; otherwise end after what is stored. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** A net under lost events, and how fast a suspended user's pages end. */
const lookAgainMs = 2000;
/** Of one conversation: an address may be on many screens, and may be misused. */
const mostReaders = 50;

/** All that the page of a conversation shows, as it happens: what is said and done, what is asked, and how the agent is. */
@Injectable()
export class LinkFeed {
  private readonly readers = new Map<string, number>();

  constructor(
    private readonly links: Links,
    private readonly talk: LinkTalk,
    private readonly watch: SessionWatch,
    private readonly events: FleetEvents,
    private readonly clock: Clock,
  ) {}

  /** `options.signal` must fire when the reader is gone. Throws `LimitReached` when too many read this conversation already. */
  follow(link: SessionLink, options: FeedOptions): AsyncGenerator<FeedItem, void, undefined> {
    this.count(link.session.id, options.signal);
    return this.read(link, options);
  }

  /** Counts a reader until its signal fires. */
  private count(id: string, signal: AbortSignal): void {
    const readers = this.readers.get(id) ?? 0;
    if (readers >= mostReaders) {
      throw new LimitReached('Too many follow this conversation at once', 'too_many_readers', 10);
    }
    if (signal.aborted) return;
    this.readers.set(id, readers + 1);
    const leave = (): void => {
      const left = (this.readers.get(id) ?? 1) - 1;
      if (left > 0) this.readers.set(id, left);
      else this.readers.delete(id);
    };
    signal.addEventListener('abort', leave, { once: true });
  }

  private async *read(link: SessionLink, options: FeedOptions): AsyncGenerator<FeedItem, void, undefined> {
    const over = new AbortController();
    const end = (): void => over.abort();
    options.signal.addEventListener('abort', end, { once: true });
    if (options.signal.aborted) end();
    const { since, follow } = options;
    try {
      const said = this.watch.follow(link.who, link.agent, {
        session: link.session,
        since,
        follow,
        signal: over.signal,
      });
      if (!follow) {
        yield { type: 'state', link };
        yield { type: 'waiting', requests: await this.talk.waiting(link) };
        yield* said;
        return;
      }
      yield* merged<FeedItem>([this.states(link, over.signal), said], end);
    } finally {
      options.signal.removeEventListener('abort', end);
    }
  }

  private async *states(first: SessionLink, signal: AbortSignal): AsyncGenerator<FeedItem, void, undefined> {
    let shown = '';
    let asked: string | null = null;
    let wake = (): void => undefined;
    const stop = this.events.subscribe((published) => {
      if (published.some(({ agentId }) => agentId === first.agent.id)) wake();
    });
    try {
      while (!signal.aborted) {
        // Listening begins before the look, so that a change in between is not missed.
        const woken = new Promise<void>((resolve) => (wake = resolve));
        const link = await this.links.find(first.session.id);
        const now = link ? factsOf(link) : 'gone';
        if (now !== shown) yield { type: 'state', link };
        shown = now;
        if (!link) return;
        const requests = await this.talk.waiting(link);
        const open = requests.map(({ id }) => id).join(' ');
        if (open !== asked) yield { type: 'waiting', requests };
        asked = open;
        await this.pause(woken, signal);
      }
    } finally {
      stop();
    }
  }

  /** Resolves when it is woken, after a while, or when the reader is gone. */
  private pause(woken: Promise<void>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = this.clock.after(lookAgainMs, finish);
      signal.addEventListener('abort', finish, { once: true });
      if (signal.aborted) finish();
      void woken.then(finish);
    });
  }
}

const factsOf = ({ agent, session, state }: SessionLink): string =>
  JSON.stringify([agent.displayName, agent.slug, session.title, session.status, state]);
