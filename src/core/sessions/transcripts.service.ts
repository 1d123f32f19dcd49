import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { isAdmin, type Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import type { Session } from './session.entity.js';
import { messagesOfTurn, saidAt, type TranscriptEvent, type TranscriptMessage } from './transcript.fold.js';
import { Turn } from './turn.entity.js';

/** A place between two messages. */
export interface MessagePlace {
  readonly turnId: string;
  readonly role: TranscriptMessage['role'];
}

/** Which messages: the newest of all, or of those that follow a place. Without a limit all of them. */
export interface TranscriptPage {
  readonly limit?: number;
  readonly after?: MessagePlace | null;
}

/** Turns whose events are read at once: what an agent did in one of them may be large. */
const turnsAtOnce = 100;

type EventRow = TranscriptEvent & { readonly turn_id: string };

/** Conversations message by message with what the agent did in each, from what is stored. Hidden instructions are in none. */
@Injectable()
export class Transcripts {
  constructor(private readonly db: UnitOfWork) {}

  /** Oldest first. Null when `after` is no message of it. */
  of(session: Session, page: TranscriptPage): Promise<TranscriptMessage[] | null> {
    return this.read({ agentId: session.agentId, sessionId: session.id, userId: null }, page);
  }

  /** Messages of all conversations the caller sees: their own, for admins all. */
  ofAgent(who: Principal, agent: Agent, page: TranscriptPage): Promise<TranscriptMessage[] | null> {
    return this.read({ agentId: agent.id, sessionId: null, userId: isAdmin(who) ? null : who.userId }, page);
  }

  private async read(of: Scope, { limit, after = null }: TranscriptPage): Promise<TranscriptMessage[] | null> {
    const newest = limit === undefined ? 0 : -limit;
    if (!after) return (await this.messages(await this.turns(of, limit, null))).slice(newest);
    const from = await this.db.of(Turn).findOneBy({ id: after.turnId, agentId: of.agentId });
    if (!from || (of.sessionId !== null && from.sessionId !== of.sessionId)) return null;
    const place = messagesOfTurn(from, []).find((message) => message.role === after.role);
    if (!place) return null;
    const following = await this.messages(await this.turns(of, limit, place.at));
    return following.filter((message) => inOrder(message, place) > 0).slice(newest);
  }

  /**
   * Turns that hold the newest messages, of which something was said at `since` or later. By what was said last, not by
   * arrival: conversations go on side by side.
   */
  private async turns(of: Scope, limit: number | undefined, since: Date | null): Promise<string[]> {
    const rows = await this.db.query<{ id: string }>(
      `select t.id from turns t
       where t.agent_id = $1 and (t.session_id = $2 or ($2::text is null and t.lane <> 'task'))
         and ($3::text is null or t.user_id = $3) and ($4::timestamptz is null or ${saidAt('t')} >= $4)
       order by ${saidAt('t')} desc, t.id desc limit $5`,
      [of.agentId, of.sessionId, of.userId, since, limit ?? null],
    );
    return rows.map(({ id }) => id);
  }

  private async messages(turnIds: readonly string[]): Promise<TranscriptMessage[]> {
    const found: TranscriptMessage[] = [];
    for (let from = 0; from < turnIds.length; from += turnsAtOnce) {
      found.push(...(await this.messagesOf(turnIds.slice(from, from + turnsAtOnce))));
    }
    return found.sort(inOrder);
  }

  private async messagesOf(turnIds: readonly string[]): Promise<TranscriptMessage[]> {
    const turns = await this.db.of(Turn).findBy({ id: In([...turnIds]) });
    const rows = await this.db.query<EventRow>(
      `select turn_id, seq, kind, data, at from session_events
       where turn_id in (select jsonb_array_elements_text($1::jsonb)) and kind in
         ('turn_started', 'agent_message', 'agent_thought', 'tool_call', 'tool_update', 'turn_ended')
       order by session_id, seq`,
      [JSON.stringify(turnIds)],
    );
    const events = new Map<string, EventRow[]>();
    for (const row of rows) {
      const known = events.get(row.turn_id);
      if (known) known.push(row);
      else events.set(row.turn_id, [row]);
    }
    return turns.flatMap((turn) => messagesOfTurn(turn, events.get(turn.id) ?? []));
  }
}

interface Scope {
  readonly agentId: string;
  readonly sessionId: string | null;
  readonly userId: string | null;
}

/** By time; at the same time by turn, the question before its answer. */
function inOrder(a: TranscriptMessage, b: TranscriptMessage): number {
  const keyOf = ({ turn, role }: TranscriptMessage): string => `${turn.id} ${role === 'user' ? 0 : 1}`;
  return a.at.getTime() - b.at.getTime() || (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0);
}
