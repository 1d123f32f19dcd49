import { ApiProperty } from '@nestjs/swagger';
import type { Activity } from '../../core/sessions/activity.entity.js';
import type { Message } from '../../core/sessions/history.service.js';
import type { Session } from '../../core/sessions/session.entity.js';
import type { Turn } from '../../core/sessions/turn.entity.js';

/** Tokens a runtime can hold where it does not say. */
export const usualWindow = 200_000;

export class ExecutionLogView {
  @ApiProperty() id!: string;
  @ApiProperty({ example: 'tool_use' }) type!: string;
  @ApiProperty({ example: 'bash' }) tool!: string;
  @ApiProperty({ type: 'object', additionalProperties: true }) input!: unknown;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) output!: unknown;
  @ApiProperty({ type: 'boolean', nullable: true }) success!: boolean | null;
  @ApiProperty({ type: 'integer', nullable: true }) duration_ms!: number | null;
  @ApiProperty() timestamp!: string;

  static of({ id, details, state, startedAt, endedAt }: Activity): ExecutionLogView {
    return {
      id: typeof details['toolCallId'] === 'string' ? details['toolCallId'] : id,
      type: 'tool_use',
      tool: toolName(details),
      input: details['input'] ?? {},
      output: details['output'] ?? null,
      success: state === 'started' ? null : state === 'completed',
      duration_ms: endedAt ? endedAt.getTime() - startedAt.getTime() : null,
      timestamp: startedAt.toISOString(),
    };
  }
}

export class ChatMetadataView {
  @ApiProperty() cost_usd!: number;
  @ApiProperty() duration_ms!: number;
  @ApiProperty() num_turns!: number;
  @ApiProperty() tool_count!: number;
  @ApiProperty() session_id!: string;
  @ApiProperty() input_tokens!: number;
  @ApiProperty() output_tokens!: number;
  @ApiProperty() cache_creation_tokens!: number;
  @ApiProperty() cache_read_tokens!: number;
  @ApiProperty() context_window!: number;
}

export class ChatSessionView {
  @ApiProperty() total_cost_usd!: number;
  @ApiProperty() context_tokens!: number;
  @ApiProperty() context_window!: number;
  @ApiProperty() message_count!: number;
  @ApiProperty({ type: 'string', nullable: true }) model!: string | null;

  static of(session: Session | null, model: string | null): ChatSessionView {
    return {
      total_cost_usd: session?.costUsd ?? 0,
      context_tokens: session?.contextUsed ?? 0,
      context_window: windowOf(session),
      message_count: session?.messageCount ?? 0,
      model: session?.model ?? model,
    };
  }
}

export class ExecutionView {
  @ApiProperty() id!: string;
  @ApiProperty({ example: 'running' }) queue_status!: string;
  @ApiProperty() was_queued!: boolean;
}

export class ChatView {
  @ApiProperty({ example: '4' }) response!: string;
  @ApiProperty({ type: [ExecutionLogView] }) execution_log!: ExecutionLogView[];
  @ApiProperty() metadata!: ChatMetadataView;
  @ApiProperty() session!: ChatSessionView;
  @ApiProperty() timestamp!: string;
  @ApiProperty() execution!: ExecutionView;

  static of(turn: Turn, session: Session, tools: readonly Activity[], ahead: number): ChatView {
    const ended = turn.endedAt ?? turn.createdAt;
    return {
      response: turn.answer ?? '',
      execution_log: tools.map((tool) => ExecutionLogView.of(tool)),
      metadata: {
        cost_usd: turn.costUsd,
        duration_ms: ended.getTime() - (turn.startedAt ?? turn.createdAt).getTime(),
        num_turns: 1,
        tool_count: turn.toolCount,
        session_id: session.id,
        input_tokens: turn.inputTokens,
        output_tokens: turn.outputTokens,
        cache_creation_tokens: turn.cacheWriteTokens,
        cache_read_tokens: turn.cacheReadTokens,
        context_window: windowOf(session),
      },
      session: ChatSessionView.of(session, session.model),
      timestamp: ended.toISOString(),
      execution: { id: turn.id, queue_status: ahead === 0 ? 'running' : `queued:${ahead}`, was_queued: ahead > 0 },
    };
  }
}

export class HistoryMessageView {
  @ApiProperty({ enum: ['user', 'assistant'] }) role!: string;
  @ApiProperty() content!: string;
  @ApiProperty() timestamp!: string;

  static of({ role, text, at }: Message): HistoryMessageView {
    return { role, content: text, timestamp: at.toISOString() };
  }
}

export class ClearedView {
  @ApiProperty({ example: 'cleared' }) status!: string;
  @ApiProperty() session_reset!: boolean;
  @ApiProperty() session!: ChatSessionView;
}

export class LiveSessionView {
  @ApiProperty() session_started!: boolean;
  @ApiProperty() message_count!: number;
  @ApiProperty() total_cost_usd!: number;
  @ApiProperty() context_tokens!: number;
  @ApiProperty() context_window!: number;
  @ApiProperty() context_percent!: number;
  @ApiProperty({ type: 'string', nullable: true }) model!: string | null;

  static of(session: Session | null, model: string | null): LiveSessionView {
    const { context_tokens, context_window, ...common } = ChatSessionView.of(session, model);
    const percent = Math.round((context_tokens / context_window) * 1000) / 10;
    return { session_started: session !== null, ...common, context_tokens, context_window, context_percent: percent };
  }
}

/** A message with all that is stored of it. */
export class StoredMessageView {
  @ApiProperty() id!: string;
  @ApiProperty() session_id!: string;
  @ApiProperty() agent_name!: string;
  @ApiProperty() user_id!: string;
  @ApiProperty({ type: 'string', nullable: true }) user_email!: string | null;
  @ApiProperty({ enum: ['user', 'assistant'] }) role!: string;
  @ApiProperty() content!: string;
  @ApiProperty() timestamp!: string;
  @ApiProperty({ type: 'number', nullable: true }) cost!: number | null;
  @ApiProperty({ type: 'integer', nullable: true, description: 'Of the whole conversation, after this answer' })
  context_used!: number | null;
  @ApiProperty({ type: 'integer', nullable: true }) context_max!: number | null;
  @ApiProperty({ type: 'integer', nullable: true }) tool_calls!: number | null;
  @ApiProperty({ type: 'integer', nullable: true }) execution_time_ms!: number | null;

  static of(message: Message, agentName: string, emails: ReadonlyMap<string, string | null>): StoredMessageView {
    const { turn, role } = message;
    const answered = role === 'assistant';
    const time = turn.endedAt && turn.startedAt ? turn.endedAt.getTime() - turn.startedAt.getTime() : null;
    return {
      id: message.id,
      session_id: message.sessionId,
      agent_name: agentName,
      user_id: message.userId,
      user_email: emails.get(message.userId) ?? null,
      role,
      content: message.text,
      timestamp: message.at.toISOString(),
      cost: answered ? turn.costUsd : null,
      context_used: answered ? turn.contextUsed : null,
      context_max: answered && turn.contextMax !== null ? turn.contextMax || usualWindow : null,
      tool_calls: answered ? turn.toolCount : null,
      execution_time_ms: answered ? time : null,
    };
  }
}

export class StoredHistoryView {
  @ApiProperty() agent_name!: string;
  @ApiProperty() message_count!: number;
  @ApiProperty({ type: [StoredMessageView] }) messages!: StoredMessageView[];
}

export class SessionView {
  @ApiProperty() id!: string;
  @ApiProperty() agent_name!: string;
  @ApiProperty() user_id!: string;
  @ApiProperty({ type: 'string', nullable: true }) user_email!: string | null;
  @ApiProperty() started_at!: string;
  @ApiProperty({ type: 'string', nullable: true }) last_message_at!: string | null;
  @ApiProperty() message_count!: number;
  @ApiProperty() total_cost!: number;
  @ApiProperty() total_context_used!: number;
  @ApiProperty() total_context_max!: number;
  @ApiProperty({ enum: ['active', 'closed'] }) status!: string;

  static of(session: Session, agentName: string, emails: ReadonlyMap<string, string | null>): SessionView {
    return {
      id: session.id,
      agent_name: agentName,
      user_id: session.userId,
      user_email: emails.get(session.userId) ?? null,
      started_at: session.createdAt.toISOString(),
      last_message_at: session.lastMessageAt?.toISOString() ?? null,
      message_count: session.messageCount,
      total_cost: session.costUsd,
      total_context_used: session.contextUsed,
      total_context_max: windowOf(session),
      status: session.status,
    };
  }
}

export class SessionsView {
  @ApiProperty() agent_name!: string;
  @ApiProperty() session_count!: number;
  @ApiProperty({ type: [SessionView] }) sessions!: SessionView[];
}

export class SessionDetailView {
  @ApiProperty() session!: SessionView;
  @ApiProperty() message_count!: number;
  @ApiProperty({ type: [StoredMessageView] }) messages!: StoredMessageView[];
}

export class ClosedView {
  @ApiProperty({ example: 'closed' }) status!: string;
  @ApiProperty() session_id!: string;
}

export const toolName = (details: Activity['details']): string => {
  const name = details['tool'] ?? details['title'];
  return typeof name === 'string' ? name : 'tool';
};

const windowOf = (session: Session | null): number => (session?.contextMax ? session.contextMax : usualWindow);
