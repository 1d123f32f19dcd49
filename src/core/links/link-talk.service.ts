import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Invalid, NotFound } from '../errors/domain-error.js';
import { AgentRequest } from '../sessions/agent-request.entity.js';
import { Prompts } from '../sessions/prompts.service.js';
import type { ApprovalDecision, QuestionAnswer } from '../sessions/request.rules.js';
import { Requests } from '../sessions/requests.service.js';
import type { Accepted } from '../sessions/turn-intake.service.js';
import type { SessionLink } from './links.service.js';

/** Messages that may wait while one is worked on. */
const queueLimit = 10;
/** Shorter than elsewhere: these come from people who type. */
const longestMessage = 100_000;

/** What a visitor of a conversation may do in it, and in nothing else. */
@Injectable()
export class LinkTalk {
  constructor(
    private readonly db: UnitOfWork,
    private readonly prompts: Prompts,
    private readonly requests: Requests,
  ) {}

  /** Throws `Unavailable('agent_not_running')` when the agent does not run. */
  send({ who, agent, session }: SessionLink, text: string): Promise<Accepted> {
    if (text.length > longestMessage) {
      throw new Invalid(`message is too long: at most ${longestMessage} characters`, [], 'message_too_long');
    }
    return this.prompts.send(who, agent, { text, sessionId: session.id, queueLimit, lane: 'session', apart: true });
  }

  /** Ends what is worked on and what waits in this conversation; says how many messages that were. */
  async stop({ who, session }: SessionLink): Promise<number> {
    const turns = await this.db.query<{ id: string }>(
      `select id from turns where session_id = $1 and state in ('queued', 'running') order by number desc`,
      [session.id],
    );
    // The last first, so that none begins because the one before it ended.
    for (const { id } of turns) await this.prompts.cancel(who, id);
    return turns.length;
  }

  /** What waits for an answer in this conversation, oldest first. */
  waiting({ session }: Pick<SessionLink, 'session'>): Promise<AgentRequest[]> {
    return this.db
      .of(AgentRequest)
      .find({ where: { sessionId: session.id, state: 'open' }, order: { createdAt: 'ASC' }, take: 100 });
  }

  /** `reject` rejects what else waits here and ends the turn; a message, which goes with `reject` only, is said to the agent next. */
  async decide(link: SessionLink, id: string, decision: ApprovalDecision, message: string | null): Promise<void> {
    const said = message?.trim() ?? '';
    if (said !== '' && decision !== 'reject') {
      throw new Invalid('A message goes with `reject` only', [], 'message_without_reject');
    }
    await this.mine(link, 'approval', id);
    await this.requests.decide(link.who, id, decision, { message: said === '' ? null : said });
  }

  /** `answers` null declines. */
  async answer(link: SessionLink, id: string, answers: QuestionAnswer): Promise<void> {
    await this.mine(link, 'question', id);
    await this.requests.answer(link.who, id, answers);
  }

  /** What another conversation waits for looks as if it were not there. */
  private async mine({ session }: SessionLink, kind: AgentRequest['kind'], id: string): Promise<void> {
    const known = !id.includes('\0') && (await this.db.of(AgentRequest).existsBy({ id, kind, sessionId: session.id }));
    if (!known) throw new NotFound(kind, 'no such id in this conversation');
  }
}
