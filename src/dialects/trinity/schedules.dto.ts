import { ApiProperty, ApiPropertyOptional, PartialType } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsNotEmpty, IsOptional, IsString, Max, MaxLength, Min, ValidateIf } from 'class-validator';
import type { Run } from '../../core/autonomy/executions.service.js';
import { idleBecause, type ScheduleFields } from '../../core/autonomy/schedule.rules.js';
import type { ScheduleOfAgent } from '../../core/autonomy/schedules.service.js';
import type { Activity } from '../../core/sessions/activity.entity.js';
import { ExecutionLogView, usualWindow } from './chat.dto.js';
import { AsWhole } from './query-words.js';

const given = (_: object, value: unknown): boolean => value !== undefined;

export class CreateScheduleBody {
  @ApiProperty({ example: 'Morning report' })
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name!: string;

  @ApiProperty({ example: '0 9 * * 1-5', description: 'Minute, hour, day of month, month, day of week' })
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  cron_expression!: string;

  @ApiProperty({ example: 'Write the morning report. <<say Good morning>>' })
  @IsString()
  @IsNotEmpty()
  message!: string;

  @ApiPropertyOptional({ default: true })
  @ValidateIf(given)
  @IsBoolean()
  enabled?: boolean;

  @ApiPropertyOptional({ default: 'UTC', example: 'Europe/Berlin' })
  @ValidateIf(given)
  @IsString()
  @MaxLength(100)
  timezone?: string;

  @ApiPropertyOptional({ type: 'string', nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(5000)
  description?: string | null;

  @ApiPropertyOptional({ type: 'integer', nullable: true, description: "Shorter than the agent's own limit" })
  @IsOptional()
  @IsInt()
  timeout_seconds?: number | null;
}

/** Everything is optional: what is left out stays as it is. */
export class UpdateScheduleBody extends PartialType(CreateScheduleBody, { skipNullProperties: false }) {}

/** A body in core's words; what was not given is left out. */
export function fieldsOf(body: UpdateScheduleBody): Partial<ScheduleFields> {
  const { name, cron_expression, message, enabled, timezone, description, timeout_seconds } = body;
  return {
    ...(name === undefined ? {} : { name: name.trim() }),
    ...(cron_expression === undefined ? {} : { cron: cron_expression.trim() }),
    ...(message === undefined ? {} : { message }),
    ...(enabled === undefined ? {} : { enabled }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(description === undefined ? {} : { description }),
    ...(timeout_seconds === undefined ? {} : { timeoutSeconds: timeout_seconds }),
  };
}

export class ExecutionsQuery {
  @ApiPropertyOptional({ default: 50, minimum: 1, maximum: 1000 })
  @IsOptional()
  @AsWhole()
  @IsInt()
  @Min(1)
  @Max(1000)
  limit?: number;
}

export class ScheduleView {
  @ApiProperty() id!: string;
  @ApiProperty() agent_name!: string;
  @ApiProperty() name!: string;
  @ApiProperty({ example: '0 9 * * 1-5' }) cron_expression!: string;
  @ApiProperty() message!: string;
  @ApiProperty() enabled!: boolean;
  @ApiProperty({ example: 'Europe/Berlin' }) timezone!: string;
  @ApiProperty({ type: 'string', nullable: true }) description!: string | null;
  @ApiProperty({ type: 'integer', nullable: true }) timeout_seconds!: number | null;
  @ApiProperty() created_at!: string;
  @ApiProperty() updated_at!: string;
  @ApiProperty({ type: 'string', nullable: true }) last_run_at!: string | null;
  @ApiProperty({ type: 'string', nullable: true }) next_run_at!: string | null;
  @ApiProperty({ description: 'Whether it will run at next_run_at, as things stand' }) will_fire!: boolean;
  @ApiProperty({ type: 'string', nullable: true, description: 'Why it will not' }) will_not_fire_because!:
    string | null;

  static of({ schedule, agent }: ScheduleOfAgent): ScheduleView {
    const idle = idleBecause(schedule, agent);
    return {
      id: schedule.id,
      agent_name: agent.slug,
      name: schedule.name,
      cron_expression: schedule.cron,
      message: schedule.message,
      enabled: schedule.enabled,
      timezone: schedule.timezone,
      description: schedule.description,
      timeout_seconds: schedule.timeoutSeconds,
      created_at: schedule.createdAt.toISOString(),
      updated_at: schedule.updatedAt.toISOString(),
      last_run_at: schedule.lastRunAt?.toISOString() ?? null,
      next_run_at: schedule.nextRunAt?.toISOString() ?? null,
      will_fire: idle === null,
      will_not_fire_because: idle,
    };
  }
}

export class ScheduleSwitchedView {
  @ApiProperty({ enum: ['enabled', 'disabled'] }) status!: string;
  @ApiProperty() schedule_id!: string;
}

export class TriggeredView {
  @ApiProperty({ example: 'triggered' }) status!: string;
  @ApiProperty() schedule_id!: string;
  @ApiProperty() execution_id!: string;
}

export class ScheduleRunView {
  @ApiProperty() id!: string;
  @ApiProperty() schedule_id!: string;
  @ApiProperty() agent_name!: string;
  @ApiProperty({ enum: ['pending', 'running', 'success', 'failed', 'skipped'] }) status!: string;
  @ApiProperty() started_at!: string;
  @ApiProperty({ type: 'string', nullable: true }) completed_at!: string | null;
  @ApiProperty({ type: 'integer', nullable: true }) duration_ms!: number | null;
  @ApiProperty() message!: string;
  @ApiProperty({ type: 'string', nullable: true }) response!: string | null;
  @ApiProperty({ type: 'string', nullable: true }) error!: string | null;
  @ApiProperty({ enum: ['schedule', 'manual'] }) triggered_by!: string;
  @ApiProperty({ type: 'integer', nullable: true }) context_used!: number | null;
  @ApiProperty({ type: 'integer', nullable: true }) context_max!: number | null;
  @ApiProperty({ type: 'number', nullable: true }) cost!: number | null;
  @ApiProperty({ type: 'integer', nullable: true, description: 'How many tools it used' }) tool_calls!: number | null;
  @ApiProperty({ type: 'string', nullable: true, description: 'The minute it was planned for' })
  planned_at!: string | null;

  static of({ execution, turn, session, agentSlug, status }: Run): ScheduleRunView {
    const ended = turn ? turn.endedAt : execution.endedAt;
    const started = turn?.startedAt ?? execution.createdAt;
    const cancelled = turn?.state === 'cancelled' ? 'The run was cancelled' : null;
    return {
      id: execution.id,
      schedule_id: execution.scheduleId,
      agent_name: agentSlug,
      status,
      started_at: started.toISOString(),
      completed_at: ended?.toISOString() ?? null,
      duration_ms: ended ? Math.max(0, ended.getTime() - started.getTime()) : null,
      message: execution.message,
      response: turn?.answer ?? null,
      error: execution.error ?? turn?.error ?? cancelled,
      triggered_by: execution.triggeredBy,
      context_used: turn?.contextUsed ?? session?.contextUsed ?? null,
      context_max: session ? (turn?.contextMax ?? session.contextMax) || usualWindow : null,
      cost: turn?.costUsd ?? null,
      tool_calls: turn?.toolCount ?? null,
      planned_at: execution.plannedAt?.toISOString() ?? null,
    };
  }
}

export class ScheduleRunDetailView extends ScheduleRunView {
  @ApiProperty({ type: [ExecutionLogView] }) execution_log!: ExecutionLogView[];

  static ofRun(run: Run, tools: readonly Activity[]): ScheduleRunDetailView {
    return { ...ScheduleRunView.of(run), execution_log: tools.map((tool) => ExecutionLogView.of(tool)) };
  }
}
