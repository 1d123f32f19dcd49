import type { Tx } from '../../platform/database/unit-of-work.js';
import type { Agent } from '../agents/agent.entity.js';
import type { Generation } from '../runtimes/generation.entity.js';
import { SessionLog } from './session-log.js';
import { Session } from './session.entity.js';
import { Turn } from './turn.entity.js';

/** One transaction of the journal reader: the rows it works on, loaded once and written back at the end. */
export class IngestContext {
  readonly log: SessionLog;
  ended = false;
  deliver = false;
  pump = false;
  /** Why the runtime is of no use and has to be ended. */
  refused: string | null = null;
  readonly bridge: string[] = [];
  private sessions = new Map<string, Session>();
  private readonly turns = new Map<string, Turn | null>();
  private readonly dirty = new Set<Turn>();

  constructor(
    readonly tx: Tx,
    readonly generation: Generation,
    readonly agent: Agent,
    readonly now: Date,
  ) {
    this.log = new SessionLog(tx, now);
  }

  async load(): Promise<void> {
    const { instanceId, number } = this.generation;
    const rows = await this.tx.of(Session).find({
      where: [
        { instanceId, status: 'active' },
        { instanceId, liveGeneration: number },
      ],
      order: { id: 'ASC' },
      lock: { mode: 'pessimistic_write' },
    });
    this.sessions = new Map(rows.map((row) => [row.id, row]));
  }

  /** The session of a runtime's conversation, unless it is being replayed into the runtime's own memory. */
  sessionOf(runtimeSessionId: string): Session | null {
    for (const session of this.sessions.values()) {
      if (session.runtimeSessionId !== runtimeSessionId) continue;
      const { number } = this.generation;
      const replaying = session.attachGeneration === number && session.attachStep === 'load';
      return replaying ? null : session;
    }
    return null;
  }

  session(id: string): Session | null {
    return this.sessions.get(id) ?? null;
  }

  /** The turn a session is working on. */
  async turnOf(session: Session): Promise<Turn | null> {
    const known = this.turns.get(session.id);
    if (known !== undefined) return known?.state === 'running' ? known : null;
    const turn = await this.tx.lock(Turn, { sessionId: session.id, state: 'running' });
    this.turns.set(session.id, turn);
    return turn;
  }

  /** A turn by id, the same object `turnOf` hands out. */
  async turn(id: string): Promise<Turn | null> {
    for (const known of this.turns.values()) if (known?.id === id) return known;
    const turn = await this.tx.lock(Turn, { id });
    if (turn?.state === 'running') this.turns.set(turn.sessionId, turn);
    return turn;
  }

  changed(turn: Turn): void {
    this.dirty.add(turn);
  }

  async flush(): Promise<void> {
    if (this.dirty.size > 0) await this.tx.of(Turn).save([...this.dirty]);
    this.dirty.clear();
    await this.log.flush();
  }

  /** Rows were changed behind our back: nothing of what was loaded may be written again. */
  forget(): void {
    this.sessions.clear();
    this.turns.clear();
    this.dirty.clear();
  }
}
