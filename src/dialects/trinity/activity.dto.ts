import { ApiProperty } from '@nestjs/swagger';
import type { TimelineItem } from '../../core/sessions/timeline.service.js';
import { toolName } from './chat.dto.js';
import { activityTypes, type ActivityWord } from './words.js';

export class ActivityView {
  @ApiProperty() id!: string;
  @ApiProperty() agent_name!: string;
  @ApiProperty({ enum: activityTypes }) activity_type!: string;
  @ApiProperty({ enum: ['started', 'completed', 'failed'] }) activity_state!: string;
  @ApiProperty({ type: 'string', nullable: true }) parent_activity_id!: string | null;
  @ApiProperty() started_at!: string;
  @ApiProperty({ type: 'string', nullable: true }) completed_at!: string | null;
  @ApiProperty({ type: 'integer', nullable: true }) duration_ms!: number | null;
  @ApiProperty({ type: 'string', nullable: true }) user_id!: string | null;
  @ApiProperty({ enum: ['user', 'schedule', 'agent', 'system'] }) triggered_by!: string;
  @ApiProperty({ type: 'string', nullable: true }) related_chat_message_id!: string | null;
  @ApiProperty({ type: 'string', nullable: true }) related_execution_id!: string | null;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) details!: Record<string, unknown> | null;
  @ApiProperty({ type: 'string', nullable: true }) error!: string | null;
  @ApiProperty() created_at!: string;

  static of({ activity, agentSlug }: TimelineItem, word: ActivityWord): ActivityView {
    const { endedAt, startedAt, turnId } = activity;
    return {
      id: activity.id,
      agent_name: agentSlug,
      activity_type: word,
      activity_state: activity.state,
      parent_activity_id: activity.parentId,
      started_at: startedAt.toISOString(),
      completed_at: endedAt?.toISOString() ?? null,
      duration_ms: endedAt ? endedAt.getTime() - startedAt.getTime() : null,
      user_id: activity.userId,
      triggered_by: activity.triggeredBy,
      related_chat_message_id: turnId === null ? null : `${turnId}-user`,
      related_execution_id: turnId,
      details: activity.details,
      error: activity.error,
      created_at: startedAt.toISOString(),
    };
  }
}

export class ActivitiesView {
  @ApiProperty() count!: number;
  @ApiProperty({ type: [ActivityView] }) activities!: ActivityView[];
}

export class AgentActivitiesView extends ActivitiesView {
  @ApiProperty() agent_name!: string;
}

export class ToolUseView {
  @ApiProperty() id!: string;
  @ApiProperty() tool!: string;
  @ApiProperty({ type: 'object', additionalProperties: true }) input!: unknown;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) output!: unknown;
  @ApiProperty({ enum: ['running', 'completed', 'failed'] }) status!: string;
  @ApiProperty() started_at!: string;
  @ApiProperty({ type: 'string', nullable: true }) ended_at!: string | null;
  @ApiProperty({ type: 'integer', nullable: true }) duration_ms!: number | null;

  static of({ activity }: TimelineItem): ToolUseView {
    const { details, endedAt, startedAt, state } = activity;
    return {
      id: activity.id,
      tool: toolName(details),
      input: details['input'] ?? {},
      output: details['output'] ?? null,
      status: state === 'started' ? 'running' : state,
      started_at: startedAt.toISOString(),
      ended_at: endedAt?.toISOString() ?? null,
      duration_ms: endedAt ? endedAt.getTime() - startedAt.getTime() : null,
    };
  }
}

export class TotalsView {
  @ApiProperty() calls!: number;
  @ApiProperty() duration_ms!: number;
  @ApiProperty({ type: 'string', nullable: true }) started_at!: string | null;
}

export class ActivityClearedView {
  @ApiProperty({ example: 'cleared' }) status!: string;
  @ApiProperty({ example: 'Activity was cleared' }) message!: string;
}

/** What an agent is doing now and did last. */
export class LiveActivityView {
  @ApiProperty({ enum: ['idle', 'running'] }) status!: string;
  @ApiProperty({ type: ToolUseView, nullable: true }) active_tool!: ToolUseView | null;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' } }) tool_counts!: Record<string, number>;
  @ApiProperty({ type: [ToolUseView] }) timeline!: ToolUseView[];
  @ApiProperty() totals!: TotalsView;

  /** `tools` newest first. */
  static of(tools: readonly TimelineItem[], working: boolean): LiveActivityView {
    const timeline = tools.map((tool) => ToolUseView.of(tool));
    const tool_counts: Record<string, number> = {};
    for (const { tool } of timeline) tool_counts[tool] = (tool_counts[tool] ?? 0) + 1;
    return {
      status: working ? 'running' : 'idle',
      active_tool: working ? (timeline.find((tool) => tool.status === 'running') ?? null) : null,
      tool_counts,
      timeline,
      totals: {
        calls: timeline.length,
        duration_ms: timeline.reduce((sum, tool) => sum + (tool.duration_ms ?? 0), 0),
        started_at: timeline.at(-1)?.started_at ?? null,
      },
    };
  }
}
