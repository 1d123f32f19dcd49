import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { FleetEvents } from '../events/fleet-events.js';
import { History } from './history.service.js';
import type { SessionEvent } from './session-event.entity.js';
import type { Session } from './session.entity.js';
import { SessionStreams, type TextDelta } from './session-streams.js';
import { WatchBox } from './watch-box.js';

/** A place in a conversation: what was seen last. */
export interface SeenUpTo {
  readonly sessionId: string;
  readonly seq: number;
}

export interface WatchOptions {
  /** This conversation; null: the caller's running one, which may not exist yet and may be followed by a new one. */
  readonly session: Session | null;
  readonly since: SeenUpTo | null;
  /** Go on until `signal` fires; otherwise end after what is stored. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

export type WatchItem =
  /** From here on everything is about this conversation, after its event number `from`. */
  | { readonly type: 'session'; readonly session: Session | null; readonly from: number }
  | { readonly type: 'event'; readonly event: SessionEvent }
  | { readonly type: 'delta'; readonly delta: TextDelta }
  /** Nothing happened for a while. */
  | { readonly type: 'idle' };

/** Who comes without a place gets the newest events of a long conversation. */
const longestReplay = 2000;
const pageSize = 200;
/** A net under lost events, and how fast a conversation that was closed elsewhere is noticed. */
const lookAgainMs = 2000;
const idleEvery = 7;

/**
 * Follows a conversation: first what is stored, then what happens. It is pulled: a slow reader holds nothing in memory but a
 * small box, and gets what did not fit from the database. Deltas are extras; the stored event that follows carries the whole text.
 */
@Injectable()
export class SessionWatch {
  constructor(
    private readonly history: History,
    private readonly streams: SessionStreams,
    private readonly events: FleetEvents,
    private readonly clock: Clock,
  ) {}

  async *follow(who: Principal, agent: Agent, options: WatchOptions): AsyncGenerator<WatchItem, void, undefined> {
    const { follow, signal } = options;
    const box = new WatchBox(this.clock, signal);
    let quiet = 0;
    const stop = this.events.subscribe((published) => {
      if (published.some(({ agentId }) => agentId === agent.id)) box.look();
    });
    try {
      while (!signal.aborted) {
        if (box.isDue(lookAgainMs)) {
          const session = options.session ?? (await this.history.live(who, agent));
          if (!box.attached || (session?.id ?? null) !== box.sessionId) {
            const from = startOf(session, options.since);
            box.attach(this.streams, session?.id ?? null, from);
            yield { type: 'session', session, from };
          }
        }
        let found = false;
        for await (const item of this.pending(box)) {
          found = true;
          yield item;
        }
        quiet = found ? 0 : quiet + 1;
        if (!follow) return;
        if (quiet >= idleEvery) {
          quiet = 0;
          yield { type: 'idle' };
        }
        // Another server may read the journal: its events are found by looking.
        if (!(await box.wait(lookAgainMs))) box.look();
      }
    } finally {
      stop();
      box.detach();
    }
  }

  private async *pending(box: WatchBox): AsyncGenerator<WatchItem, void, undefined> {
    while (box.sessionId !== null) {
      if (box.behind) {
        yield* this.stored(box, box.sessionId);
        continue;
      }
      const item = box.next();
      if (!item) return;
      if (item.type === 'event' && !box.isNext(item.event)) continue;
      if (item.type !== 'ended') yield item;
    }
  }

  /** What the database has after our place, then what is being said at the moment. */
  private async *stored(box: WatchBox, sessionId: string): AsyncGenerator<WatchItem, void, undefined> {
    box.caughtUp();
    for (;;) {
      const events = await this.history.events(sessionId, box.seq, pageSize);
      for (const event of events) {
        if (box.isNext(event)) yield { type: 'event', event };
      }
      if (events.length < pageSize) break;
    }
    const text = this.streams.openText(sessionId);
    if (text && box.takeDeltas()) yield { type: 'delta', delta: text };
  }
}

function startOf(session: Session | null, since: SeenUpTo | null): number {
  if (!session) return 0;
  if (since?.sessionId === session.id && since.seq <= session.eventSeq) return since.seq;
  return Math.max(0, session.eventSeq - longestReplay);
}
