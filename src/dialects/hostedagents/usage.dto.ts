import { ApiProperty } from '@nestjs/swagger';
import type { SessionUsage, Spent } from '../../core/sessions/usage.service.js';
import { namedIdOf, publicIdOf } from './words.js';

export class CacheView {
  @ApiProperty({ example: 4000 }) read!: number;
  @ApiProperty({ example: 0 }) write!: number;
}

/** Tokens as the runtime reports them. */
export class TokensView {
  @ApiProperty({ example: 12000 }) input!: number;
  @ApiProperty({ example: 900 }) output!: number;
  @ApiProperty({ example: 0 }) reasoning!: number;
  @ApiProperty({ type: CacheView }) cache!: CacheView;

  static of(spent: Omit<Spent, 'costUsd'>): TokensView {
    return {
      input: spent.inputTokens,
      output: spent.outputTokens,
      reasoning: spent.reasoningTokens,
      cache: { read: spent.cacheReadTokens, write: spent.cacheWriteTokens },
    };
  }
}

/** What a session is called that has no title, or whose title the caller may not know. */
const untitled: Readonly<Record<SessionUsage['kind'], string>> = {
  chat: 'New session',
  task: 'Task',
  deleted: 'Deleted session',
};

export class SessionUsageView {
  @ApiProperty({ example: 'ses_5b1c0b1e1f434f579c550d2f2f5b1c9e' }) id!: string;
  @ApiProperty({ example: 'New session', description: 'Tasks and deleted sessions count as well, and are called so' })
  title!: string;
  @ApiProperty({ example: 0.0421, description: 'US dollars' }) cost!: number;
  @ApiProperty({ type: TokensView }) tokens!: TokensView;
}

/** What an agent cost (contract 2.9). */
export class UsageView {
  @ApiProperty() agentId!: string;
  @ApiProperty({ example: 0.0421, description: 'US dollars' }) cost!: number;
  @ApiProperty({ type: TokensView }) tokens!: TokensView;
  @ApiProperty({ type: [SessionUsageView] }) sessions!: SessionUsageView[];

  static of(agentId: string, total: Spent, sessions: readonly SessionUsage[]): UsageView {
    return {
      agentId: publicIdOf(agentId),
      cost: total.costUsd,
      tokens: TokensView.of(total),
      sessions: sessions.map((session) => ({
        id: namedIdOf('session', session.sessionId),
        title: session.title ?? untitled[session.kind],
        cost: session.costUsd,
        tokens: TokensView.of(session),
      })),
    };
  }
}
