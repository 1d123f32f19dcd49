import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsOptional, IsString, Length, Matches, MaxLength, ValidateIf } from 'class-validator';
import type { AgentDetailView } from './agents.dto.js';
import { type Status, statuses } from './words.js';

const longestPrompt = 100_000;
const trimmed = Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value));
/** Neither the database nor a runtime takes them. */
const withoutNul = (name: string) => Matches(/^[^\0]*$/, { message: `${name} must not contain NUL characters` });

/** Which scope an agent is in: by name or by id. */
export class ScopeChoice {
  @ApiPropertyOptional({
    type: String,
    nullable: true,
    description: 'Name of a scope: the agent gets the secrets of this scope only',
  })
  @IsOptional()
  @IsString()
  scope?: string | null;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'The same by id' })
  @IsOptional()
  @IsString()
  scopeId?: string | null;
}

/** What an agent is made from (contract 2.1). */
export class CreateAgentBody extends ScopeChoice {
  @ApiProperty({ example: 'build-agent', minLength: 1, maxLength: 100, description: 'Free text; need not be unique' })
  @trimmed
  @IsString()
  @Length(1, 100)
  @withoutNul('name')
  name!: string;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    maxLength: longestPrompt,
    example: 'Set up a Node.js Express project with TypeScript',
    description: 'Said to the agent as soon as it is ready, as the first message of its first session',
  })
  @IsOptional()
  @IsString()
  @MaxLength(longestPrompt)
  @withoutNul('initialPrompt')
  initialPrompt?: string | null;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    maxLength: longestPrompt,
    example: 'Prefer small functions.',
    description: 'Instructions that no answer and no page ever shows',
  })
  @IsOptional()
  @IsString()
  @MaxLength(longestPrompt)
  @withoutNul('hiddenPrompt')
  hiddenPrompt?: string | null;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    description: 'One of `GET /api/v1/models`; left out: the default',
  })
  @IsOptional()
  @IsString()
  model?: string | null;
}

export class PatchAgentBody extends ScopeChoice {
  @ApiPropertyOptional({ example: 'renamed-agent', minLength: 1, maxLength: 100 })
  @ValidateIf((_, value) => value !== undefined)
  @trimmed
  @IsString()
  @Length(1, 100)
  @withoutNul('name')
  name?: string;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'One of `GET /api/v1/models`; null: the default' })
  @IsOptional()
  @IsString()
  model?: string | null;
}

export class RestartBody {
  @ApiPropertyOptional({ default: false, description: 'Also an agent in ERROR: its container is made anew' })
  @IsOptional()
  @IsBoolean()
  force?: boolean;
}

const id = { example: 'c0cj9w5y7ezv3vsbw0j8cq5h2d' };
const nullable = { type: String, nullable: true } as const;

export class SessionLinkView {
  @ApiProperty({ example: 'ses_5b1c0b1e1f434f579c550d2f2f5b1c9e' }) id!: string;
  @ApiProperty({ ...nullable, description: 'A page that shows this session only' }) url!: string | null;
}

export class CreatedAgentView {
  @ApiProperty(id) agentId!: string;
  @ApiProperty({ example: 'build-agent' }) name!: string;
  @ApiProperty({ enum: statuses, example: 'RUNNING' }) status!: Status;
  @ApiProperty(nullable) scopeId!: string | null;
  @ApiProperty(nullable) scope!: string | null;
  @ApiProperty({ example: 'anthropic/claude-sonnet-4-6' }) model!: string;
  @ApiProperty({ ...nullable, description: 'Its page' }) url!: string | null;
  @ApiProperty({ type: [SessionLinkView], description: 'The one of the initial prompt; empty until that was sent' })
  sessions!: SessionLinkView[];

  static of(agent: AgentDetailView): CreatedAgentView {
    const { agentId, name, status, scopeId, scope, model, url } = agent;
    const sessions = agent.sessions.map((session) => ({ id: session.id, url: session.url }));
    return { agentId, name, status, scopeId, scope, model, url, sessions };
  }
}

export class StartedView {
  @ApiProperty(id) agentId!: string;
  @ApiProperty({ enum: statuses, example: 'RUNNING' }) status!: Status;
  @ApiProperty({ description: 'False when it ran already' }) started!: boolean;
}

export class StoppedView {
  @ApiProperty(id) agentId!: string;
  @ApiProperty({ enum: statuses, example: 'STOPPED' }) status!: Status;
  @ApiProperty({ description: 'False when it was stopped already' }) stopped!: boolean;
}

export class RestartedView {
  @ApiProperty(id) agentId!: string;
  @ApiProperty({ enum: statuses, example: 'RUNNING' }) status!: Status;
  @ApiProperty({ example: true }) restarted!: boolean;
}
