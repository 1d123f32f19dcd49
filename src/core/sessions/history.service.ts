import { Injectable } from '@nestjs/common';
import { In, Not } from 'typeorm';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { isAdmin, type Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { Conflict, Forbidden, NotFound } from '../errors/domain-error.js';
import { Activity } from './activity.entity.js';
import { SessionEvent } from './session-event.entity.js';
import { Session } from './session.entity.js';
import { Turn } from './turn.entity.js';

/** One message of a conversation. */
export interface Message {
  readonly id: string;
  readonly sessionId: string;
  readonly role: 'user' | 'assistant';
  readonly text: string;
  readonly at: Date;
  readonly userId: string;
  /** The turn, on the assistant's message: usage and time. */
  readonly turn: Turn;
}

export interface SessionFilter {
  readonly status?: string;
  readonly userId?: string;
}

/** Conversations as they were: sessions, messages, tools. Reads only. */
@Injectable()
export class History {
  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** The caller's running conversation with an agent; null before the first message. */
  live(who: Principal, agent: Agent): Promise<Session | null> {
    return this.db.of(Session).findOne({
      where: { agentId: agent.id, userId: who.userId, status: 'active', purpose: 'chat' },
      order: { createdAt: 'DESC' },
    });
  }

  /** Newest first. Other people's conversations are for admins only. */
  sessions(who: Principal, agent: Agent, filter: SessionFilter = {}): Promise<Session[]> {
    const userId = isAdmin(who) ? filter.userId : who.userId;
    const status = filter.status === 'active' || filter.status === 'closed' ? filter.status : Not('deleted' as const);
    return this.db.of(Session).find({
      where: { agentId: agent.id, purpose: 'chat', status, ...(userId ? { userId } : {}) },
      order: { createdAt: 'DESC', id: 'DESC' },
      take: 1000,
    });
  }

  /** Throws `Forbidden` for somebody else's conversation, `NotFound` for one of another agent. */
  async session(who: Principal, agent: Agent, id: string): Promise<Session> {
    const session = await this.db.of(Session).findOneBy({ id });
    // What cannot be an id is not repeated: it may be anything.
    if (!session || session.status === 'deleted')
      throw new NotFound('session', /^[\da-f-]{36}$/.test(id) ? id : 'no such id');
    if (session.agentId !== agent.id) throw new Forbidden('This session belongs to another agent');
    if (!isAdmin(who) && session.userId !== who.userId) throw new Forbidden('This session belongs to another user');
    return session;
  }

  /** Messages of a session, oldest first: each prompt, and all that the agent said in each turn. */
  async messages(session: Session): Promise<Message[]> {
    const turns = await this.db.of(Turn).find({ where: { sessionId: session.id }, order: { number: 'ASC' } });
    return this.messagesOf(turns);
  }

  /** The newest `limit` messages over an agent's sessions, oldest first. */
  async recent(who: Principal, agent: Agent, limit: number, userId?: string): Promise<Message[]> {
    const author = isAdmin(who) ? userId : who.userId;
    const turns = await this.db.of(Turn).find({
      where: { agentId: agent.id, lane: In(['chat', 'session']), ...(author ? { userId: author } : {}) },
      order: { number: 'DESC' },
      take: limit,
    });
    return (await this.messagesOf(turns.reverse())).slice(-limit);
  }

  /** Numbered events of a session after `afterSeq`, oldest first. */
  events(sessionId: string, afterSeq = 0, limit = 1000): Promise<SessionEvent[]> {
    return this.db
      .of(SessionEvent)
      .createQueryBuilder('e')
      .where('e.session_id = :sessionId and e.seq > :afterSeq', { sessionId, afterSeq })
      .orderBy('e.seq', 'ASC')
      .limit(limit)
      .getMany();
  }

  /** Tool calls of one turn, in the order they began. */
  async tools(turnId: string): Promise<Activity[]> {
    const tools = await this.db
      .of(Activity)
      .find({ where: { turnId, type: 'tool_call' }, order: { startedAt: 'ASC' } });
    if (tools.length < 2) return tools;
    // What was read from the journal at once has one time; its events are numbered.
    const rows = await this.db.query<{ id: string; place: number }>(
      `select data->>'toolCallId' as id, min(seq) as place from session_events
       where turn_id = $1 and kind = 'tool_call' group by 1`,
      [turnId],
    );
    const places = new Map(rows.map(({ id, place }) => [id, place]));
    const placeOf = ({ details }: Activity): number => places.get(String(details['toolCallId'])) ?? 0;
    return tools.sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime() || placeOf(a) - placeOf(b));
  }

  private async messagesOf(turns: readonly Turn[]): Promise<Message[]> {
    const said = await this.saidIn(turns);
    return turns.flatMap((turn) => messagesOf(turn, said.get(turn.id) ?? null));
  }

  /** Everything the agent said in each turn, in order; what it said between tool calls in paragraphs of its own. */
  private async saidIn(turns: readonly Turn[]): Promise<ReadonlyMap<string, string>> {
    const said = new Map<string, string>();
    if (turns.length === 0) return said;
    const rows = await this.db.query<{ turn_id: string; text: string | null; continues: boolean | null }>(
      `select turn_id, data->>'text' as text, (data->>'continues')::boolean as continues from session_events
       where turn_id in (select jsonb_array_elements_text($1::jsonb)) and kind = 'agent_message' order by session_id, seq`,
      [JSON.stringify(turns.map((turn) => turn.id))],
    );
    for (const { turn_id, text, continues } of rows) {
      const before = said.get(turn_id);
      said.set(turn_id, before === undefined ? (text ?? '') : `${before}${continues ? '' : '\n\n'}${text ?? ''}`);
    }
    return said;
  }

  /** Ends a conversation: the next message begins a new one. A conversation in which a turn runs cannot be closed. */
  async close(session: Session): Promise<void> {
    await this.db.run(async (tx) => {
      const row = await tx.lock(Session, { id: session.id });
      if (row?.status !== 'active') return;
      const busy = await tx.of(Turn).existsBy([
        { sessionId: row.id, state: 'running' },
        { sessionId: row.id, state: 'queued' },
      ]);
      if (busy) throw new Conflict('The agent is working in this session; wait until it is done', 'session_busy');
      row.status = 'closed';
      row.lastMessageAt ??= this.clock.now();
      await tx.of(Session).save(row);
    });
  }
}

function messagesOf(turn: Turn, said: string | null): Message[] {
  const common = { sessionId: turn.sessionId, userId: turn.userId, turn };
  const asked: Message = { ...common, id: `${turn.id}-user`, role: 'user', text: turn.prompt, at: turn.createdAt };
  if (turn.state === 'queued' || turn.state === 'running') return [asked];
  const text = said ?? turn.answer ?? (turn.error === null ? null : `[${turn.state}] ${turn.error}`);
  if (text === null) return [asked];
  const answered: Message = {
    ...common,
    id: `${turn.id}-assistant`,
    role: 'assistant',
    text,
    at: turn.endedAt ?? turn.createdAt,
  };
  return [asked, answered];
}
