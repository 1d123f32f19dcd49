import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { includes } from '../access/access.rules.js';
import { Access } from '../access/access.service.js';
import { isAdmin, type Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';

/** What something cost. Tokens are what the runtime reported. */
export interface Spent {
  readonly costUsd: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
}

export interface SessionUsage extends Spent {
  readonly sessionId: string;
  /** Null when it has none, was removed, or is somebody else's. */
  readonly title: string | null;
  /** A `task` is nobody's conversation and stands in no list; what it cost counts all the same. */
  readonly kind: 'chat' | 'task' | 'deleted';
}

interface Row {
  readonly id: string;
  readonly title: string | null;
  readonly kind: SessionUsage['kind'];
  readonly user_id: string;
  readonly cost: number;
  readonly input: number;
  readonly output: number;
  readonly reasoning: number;
  readonly cache_read: number;
  readonly cache_write: number;
}

/** What an agent's conversations and tasks cost so far. Counters never fall: a removed conversation keeps its own. */
@Injectable()
export class Usage {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
  ) {}

  /** Newest conversation first. The owner sees what everybody's cost, others their own. */
  async of(
    who: Principal,
    agent: Agent,
  ): Promise<{ readonly total: Spent; readonly sessions: readonly SessionUsage[] }> {
    const held = await this.access.rightOn(who, agent);
    const all = held !== null && includes(held, 'own');
    const rows = await this.db.query<Row>(
      `select id, title, case when status = 'deleted' then status else purpose end as kind, user_id, cost_usd as cost, input_tokens as input, output_tokens as output,
         reasoning_tokens as reasoning, cache_read_tokens as cache_read, cache_write_tokens as cache_write
       from sessions where agent_id = $1 and ($2::text is null or user_id = $2) order by created_at desc, id desc`,
      [agent.id, all ? null : who.userId],
    );
    const sessions = rows.map((row) => ({
      sessionId: row.id,
      title: isAdmin(who) || row.user_id === who.userId ? row.title : null,
      kind: row.kind,
      costUsd: row.cost,
      inputTokens: row.input,
      outputTokens: row.output,
      reasoningTokens: row.reasoning,
      cacheReadTokens: row.cache_read,
      cacheWriteTokens: row.cache_write,
    }));
    return { total: sumOf(sessions), sessions };
  }
}

function sumOf(parts: readonly Spent[]): Spent {
  const sum = (pick: (part: Spent) => number): number => parts.reduce((total, part) => total + pick(part), 0);
  return {
    costUsd: sum((part) => part.costUsd),
    inputTokens: sum((part) => part.inputTokens),
    outputTokens: sum((part) => part.outputTokens),
    reasoningTokens: sum((part) => part.reasoningTokens),
    cacheReadTokens: sum((part) => part.cacheReadTokens),
    cacheWriteTokens: sum((part) => part.cacheWriteTokens),
  };
}
