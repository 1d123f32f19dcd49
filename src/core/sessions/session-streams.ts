import { Injectable, Logger } from '@nestjs/common';
import { FleetEvents } from '../events/fleet-events.js';
import type { SessionEvent } from './session-event.entity.js';

/** A piece of text on its way. It has no sequence number: the stored event carries the whole text and replaces it. */
export interface TextDelta {
  readonly sessionId: string;
  readonly messageId: string;
  /** Characters of this message before this piece: a repeat after a crash can be told by it. */
  readonly charOffset: number;
  readonly text: string;
  readonly thought: boolean;
}

export type StreamItem =
  | { readonly type: 'event'; readonly event: SessionEvent }
  | { readonly type: 'delta'; readonly delta: TextDelta }
  /** A turn ended, perhaps before the eyes of another server only. */
  | { readonly type: 'ended' };

type Listener = (item: StreamItem) => void;

/** What happens in sessions right now, for those who watch. Nothing is kept: history is in the database. */
@Injectable()
export class SessionStreams {
  private readonly logger = new Logger(SessionStreams.name);
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly unfinished = new Map<string, TextDelta>();

  constructor(events: FleetEvents) {
    events.subscribe((published) => {
      for (const { type, data } of published) {
        if (type !== 'turn.ended') continue;
        this.unfinished.delete(String(data['sessionId']));
        this.publish(String(data['sessionId']), { type: 'ended' });
      }
    });
  }

  subscribe(sessionId: string, listener: Listener): () => void {
    const set = this.listeners.get(sessionId) ?? new Set<Listener>();
    this.listeners.set(sessionId, set.add(listener));
    return () => {
      set.delete(listener);
      if (set.size === 0) this.listeners.delete(sessionId);
    };
  }

  /** What is being said and not yet stored, from its first character: for those who come in between. */
  openText(sessionId: string): TextDelta | null {
    return this.unfinished.get(sessionId) ?? null;
  }

  event(event: SessionEvent): void {
    const stored = event.kind === 'agent_message' || event.kind === 'agent_thought';
    const open = stored && this.unfinished.get(event.sessionId)?.messageId === event.data['messageId'];
    if (open || event.kind === 'turn_ended') this.unfinished.delete(event.sessionId);
    this.publish(event.sessionId, { type: 'event', event });
  }

  delta(delta: TextDelta): void {
    const known = this.unfinished.get(delta.sessionId);
    const before = known?.messageId === delta.messageId ? known.text.slice(0, delta.charOffset) : '';
    if (before.length === delta.charOffset) {
      this.unfinished.set(delta.sessionId, { ...delta, charOffset: 0, text: before + delta.text });
    }
    this.publish(delta.sessionId, { type: 'delta', delta });
  }

  private publish(sessionId: string, item: StreamItem): void {
    for (const listener of [...(this.listeners.get(sessionId) ?? [])]) {
      try {
        listener(item);
      } catch (error) {
        // Who watches must not stop who works.
        this.logger.warn('A listener of a session failed', error);
      }
    }
  }
}
