import type { Tx } from '../../platform/database/unit-of-work.js';
import { SessionEvent, type SessionEventKind } from './session-event.entity.js';
import { Session } from './session.entity.js';

/** Where an event was read. */
export interface Origin {
  readonly generation: number;
  readonly offset: number;
  readonly part: number;
}

/** Appends numbered events to sessions within one transaction, and remembers them for publishing after commit. */
export class SessionLog {
  readonly appended: SessionEvent[] = [];
  private readonly touched = new Map<string, Session>();
  private written = 0;

  constructor(
    private readonly tx: Tx,
    private readonly now: Date,
  ) {}

  /** `session` must be locked by this transaction. */
  append(
    session: Session,
    kind: SessionEventKind,
    data: Record<string, unknown>,
    about: { readonly turnId?: string | null; readonly origin?: Origin } = {},
  ): SessionEvent {
    session.eventSeq += 1;
    const event = new SessionEvent();
    Object.assign(event, {
      sessionId: session.id,
      seq: session.eventSeq,
      turnId: about.turnId ?? null,
      kind,
      data,
      instanceId: session.instanceId,
      generation: about.origin?.generation ?? null,
      journalOffset: about.origin ? String(about.origin.offset) : null,
      part: about.origin?.part ?? 0,
      at: this.now,
    });
    this.appended.push(event);
    this.touched.set(session.id, session);
    return event;
  }

  /** Marks a session as changed although no event was added. */
  touch(session: Session): void {
    this.touched.set(session.id, session);
  }

  /** Saves changed sessions before a statement that changes them behind our back. */
  async flushSessions(): Promise<void> {
    if (this.touched.size > 0) await this.tx.of(Session).save([...this.touched.values()]);
  }

  /** Forgets sessions that were saved: what is locked after this is read anew. */
  forget(): void {
    this.touched.clear();
  }

  /** Writes everything: one statement for up to 500 events. */
  async flush(): Promise<void> {
    await this.flushSessions();
    for (; this.written < this.appended.length; this.written += 500) {
      const batch = this.appended.slice(this.written, this.written + 500);
      await this.tx.of(SessionEvent).insert(batch as never);
    }
    this.written = this.appended.length;
  }
}
