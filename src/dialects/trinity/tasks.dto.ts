import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsInt, IsNotEmpty, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { ModelChoice } from '../../core/runtimes/agent-models.service.js';
import type { Queue } from '../../core/sessions/queue.service.js';
import type { Session } from '../../core/sessions/session.entity.js';
import type { Turn } from '../../core/sessions/turn.entity.js';
import { causeOf } from '../../core/sessions/turn.rules.js';
import type { Activity } from '../../core/sessions/activity.entity.js';
import { ChatMetadataView, ChatView, ExecutionLogView } from './chat.dto.js';

export class TaskBody {
  @ApiProperty({ example: 'Summarise README.md. <<say a summary>>' })
  @IsString()
  @IsNotEmpty()
  message!: string;

  @ApiPropertyOptional({ description: "Instead of the agent's own model" })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  model?: string;

  @ApiPropertyOptional({
    type: [String],
    description: 'The only tools it may use, where the runtime can be held to it',
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(200)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  allowed_tools?: string[];

  @ApiPropertyOptional({ description: "On top of the agent's own instructions" })
  @IsOptional()
  @IsString()
  @MaxLength(100_000)
  system_prompt?: string;

  @ApiPropertyOptional({ default: 300, minimum: 1, maximum: 7200 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(7200)
  timeout_seconds?: number;
}

export class TaskView {
  @ApiProperty({ example: 'a summary' }) response!: string;
  @ApiProperty({ type: [ExecutionLogView] }) execution_log!: ExecutionLogView[];
  @ApiProperty() metadata!: ChatMetadataView;
  @ApiProperty() session_id!: string;
  @ApiProperty() timestamp!: string;

  static of(turn: Turn, session: Session, tools: readonly Activity[]): TaskView {
    const { response, execution_log, metadata, timestamp } = ChatView.of(turn, session, tools, 0);
    return { response, execution_log, metadata, session_id: session.id, timestamp };
  }
}

export class ModelBody {
  @ApiProperty({ example: 'sonnet', description: 'Name of a model, as its provider writes it' })
  @IsString()
  @MaxLength(200)
  model!: string;
}

export class ModelView {
  @ApiProperty({ type: 'string', nullable: true, example: 'sonnet' }) model!: string | null;
  @ApiProperty({ type: [String] }) available_models!: string[];
  @ApiProperty() note!: string;

  static of({ model, known, runtimeTitle }: ModelChoice): ModelView {
    const own = model === null ? "The provider's default model is used. " : '';
    const note = `${own}Any model that ${runtimeTitle} and its provider know may be named.`;
    return { model, available_models: [...known], note };
  }
}

export class ModelSetView {
  @ApiProperty({ example: 'success' }) status!: string;
  @ApiProperty({ example: 'sonnet' }) model!: string;
  @ApiProperty() note!: string;
}

export class QueuedView {
  @ApiProperty() id!: string;
  @ApiProperty() agent_name!: string;
  @ApiProperty({ enum: ['user', 'schedule', 'agent'] }) source!: string;
  @ApiProperty({ type: 'string', nullable: true }) source_agent!: string | null;
  @ApiProperty({ description: 'The beginning of it' }) message!: string;
  @ApiProperty() queued_at!: string;
  @ApiProperty({ type: 'string', nullable: true }) started_at!: string | null;
  @ApiProperty({ enum: ['queued', 'running'] }) status!: string;

  static of(turn: Turn, agentName: string, sources: ReadonlyMap<string, string>): QueuedView {
    return {
      id: turn.id,
      agent_name: agentName,
      source: causeOf(turn),
      source_agent: turn.sourceAgentId === null ? null : (sources.get(turn.sourceAgentId) ?? null),
      message: turn.prompt.slice(0, 200),
      queued_at: turn.createdAt.toISOString(),
      started_at: turn.startedAt?.toISOString() ?? null,
      status: turn.state === 'running' ? 'running' : 'queued',
    };
  }
}

export class QueueView {
  @ApiProperty() agent_name!: string;
  @ApiProperty() is_busy!: boolean;
  @ApiProperty({ type: QueuedView, nullable: true }) current_execution!: QueuedView | null;
  @ApiProperty() queue_length!: number;
  @ApiProperty({ type: [QueuedView] }) queued_executions!: QueuedView[];
  @ApiProperty({ type: [QueuedView], description: 'Tasks, runs of schedules and other conversations beside the chat' })
  parallel_executions!: QueuedView[];

  static of(queue: Queue, agentName: string, sources: ReadonlyMap<string, string>): QueueView {
    const view = (turn: Turn): QueuedView => QueuedView.of(turn, agentName, sources);
    const chat = queue.running.find((turn) => turn.lane === 'chat');
    return {
      agent_name: agentName,
      is_busy: queue.running.length > 0,
      current_execution: chat ? view(chat) : null,
      queue_length: queue.waiting.length,
      queued_executions: queue.waiting.map(view),
      parallel_executions: queue.running.filter((turn) => turn.lane !== 'chat').map(view),
    };
  }
}

export class QueueClearedView {
  @ApiProperty({ example: 'cleared' }) status!: string;
  @ApiProperty() agent_name!: string;
  @ApiProperty({ description: 'How many were cancelled' }) cleared_count!: number;
}

export class QueueReleasedView {
  @ApiProperty({ example: 'released' }) status!: string;
  @ApiProperty() agent_name!: string;
  @ApiProperty({ description: 'Whether something was running' }) was_running!: boolean;
}
