import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, Min } from 'class-validator';
import type { PagedAgent } from '../../core/fleet/agent-pages.service.js';
import { phaseOf } from '../../core/instances/instance.phase.js';
import type { Session } from '../../core/sessions/session.entity.js';
import { namedIdOf, publicIdOf, type Status, statuses, statusOf } from './words.js';

export class ListAgentsQuery {
  @ApiPropertyOptional({ enum: statuses, description: 'Only agents in this state' })
  @IsOptional()
  @IsIn(statuses)
  status?: Status;

  @ApiPropertyOptional({ description: 'Only agents of this scope' })
  @IsOptional()
  @IsString()
  scopeId?: string;

  @ApiPropertyOptional({ minimum: 1, maximum: 100, default: 50 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  limit = 50;

  @ApiPropertyOptional({ minimum: 0, default: 0 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(1_000_000_000)
  offset = 0;
}

const id = { example: 'c0cj9w5y7ezv3vsbw0j8cq5h2d' };
const time = { example: '2026-03-26T12:00:00.000Z' };
const nullable = { type: String, nullable: true } as const;

/** An agent in a list. */
export class AgentView {
  @ApiProperty(id) agentId!: string;
  @ApiProperty({ example: 'build-agent' }) name!: string;
  @ApiProperty({ enum: statuses, example: 'RUNNING' }) status!: Status;
  @ApiProperty({ example: false, description: 'Something is worked on, waits for its turn, or waits for a person' })
  busy!: boolean;
  @ApiProperty({ ...nullable, description: 'Its page' }) url!: string | null;
  @ApiProperty(nullable) scopeId!: string | null;
  @ApiProperty(nullable) scope!: string | null;
  @ApiProperty({ example: 'anthropic/claude-sonnet-4-6' }) model!: string;
  @ApiProperty(time) createdAt!: string;
  @ApiProperty(time) updatedAt!: string;

  static of({ agent, instance, busy, groupName }: PagedAgent, model: string, url: string | null = null): AgentView {
    const changed = Math.max(agent.updatedAt.getTime(), instance?.stateSince.getTime() ?? 0);
    return {
      agentId: publicIdOf(agent.id),
      name: agent.displayName,
      status: statusOf(instance && phaseOf(instance)),
      busy,
      url,
      scopeId: agent.groupId === null ? null : publicIdOf(agent.groupId),
      scope: groupName,
      model,
      createdAt: agent.createdAt.toISOString(),
      updatedAt: new Date(changed).toISOString(),
    };
  }
}

export class AgentsView {
  @ApiProperty({ type: [AgentView] }) agents!: AgentView[];
  @ApiProperty({ example: 1 }) total!: number;
  @ApiProperty({ example: 50 }) limit!: number;
  @ApiProperty({ example: 0 }) offset!: number;
}

export class SessionView {
  @ApiProperty({ example: 'ses_5b1c0b1e1f434f579c550d2f2f5b1c9e' }) id!: string;
  @ApiProperty({ example: 'New session' }) title!: string;
  @ApiProperty({ ...nullable, description: 'A page that shows this session only' }) url!: string | null;
  @ApiProperty({ example: false }) busy!: boolean;
  @ApiProperty(time) createdAt!: string;
  @ApiProperty(time) updatedAt!: string;

  static of(session: Session, busy: boolean, url: string | null = null): SessionView {
    return {
      id: namedIdOf('session', session.id),
      title: session.title ?? 'New session',
      url,
      busy,
      createdAt: session.createdAt.toISOString(),
      updatedAt: (session.lastMessageAt ?? session.createdAt).toISOString(),
    };
  }
}

/** One agent (contract 2.3). */
export class AgentDetailView extends AgentView {
  @ApiProperty({ example: true, description: 'Its container answers, as far as is known' }) reachable!: boolean;
  @ApiProperty({ type: [SessionView] }) sessions!: SessionView[];
  @ApiProperty({ example: 0 }) pendingPermissions!: number;
  @ApiProperty({ example: 0 }) pendingQuestions!: number;
  @ApiProperty({ ...nullable, description: 'Why it does not run, where that was not asked for' })
  lastError!: string | null;
  @ApiProperty(nullable) startedAt!: string | null;
  @ApiProperty(nullable) stoppedAt!: string | null;
}
