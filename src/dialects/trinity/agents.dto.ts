import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsArray, IsBoolean, IsInt, IsObject, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { ListedAgent } from '../../core/fleet/agent-directory.service.js';
import type { GivenShare } from '../../core/sharing/sharing.service.js';
import { ShareView } from './sharing.dto.js';
import type { AgentWithInstance } from '../../core/instances/agent-lifecycle.service.js';
import { CredentialsResultView } from './credentials.dto.js';
import { resourcesIn } from '../../core/instances/instance-spec.js';
import { statusOf } from './words.js';

export class CreateAgentBody {
  @ApiProperty({ example: 'research-agent', description: 'Made into a plain name: the answer carries the final one' })
  @IsString()
  name!: string;

  @ApiPropertyOptional({ default: 'business-assistant', maxLength: 64 })
  @IsOptional()
  @IsString()
  type?: string;

  @ApiPropertyOptional({
    example: 'business-assistant',
    description: '`local:<name>` or `github:<owner>/<name>`; anything bare that is no template is kept as a label',
  })
  @IsOptional()
  @IsString()
  template?: string;

  @ApiPropertyOptional({ example: 'opencode', description: 'claude-code, opencode, gemini-cli or codex' })
  @IsOptional()
  @IsString()
  runtime?: string;

  @ApiPropertyOptional({ description: 'Passed to the runtime' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  runtime_model?: string;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { cpu: '2', memory: '4g' } })
  @IsOptional()
  @IsObject()
  resources?: Record<string, unknown>;

  @ApiPropertyOptional({ description: "Added to the runtime's own instructions", maxLength: 100000 })
  @IsOptional()
  @IsString()
  @MaxLength(100_000)
  custom_instructions?: string;

  @ApiPropertyOptional({ example: 'Org/repo', description: 'Cloned into the home before the first start' })
  @IsOptional()
  @IsString()
  github_repo?: string;

  @ApiPropertyOptional({
    example: 'main',
    description: "Default: main, or the repository's own choice if it has no main",
  })
  @IsOptional()
  @IsString()
  source_branch?: string;

  @ApiPropertyOptional({ default: true, description: 'Without effect: clones are never synchronised' })
  @IsOptional()
  @IsBoolean()
  source_mode?: boolean;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    description: 'Refused: repositories are read with the `GITHUB_TOKEN` of this server. null or empty is fine',
  })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  github_credential_id?: string | null;

  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'string' },
    description: 'Without effect: the runtime has its own tools',
  })
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  tools?: string[];

  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'string' },
    description: 'Without effect: `.mcp.json` in the home names them',
  })
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  mcp_servers?: string[];

  @ApiPropertyOptional({ default: false, description: 'Without effect: containers never get more capabilities' })
  @IsOptional()
  @IsBoolean()
  full_capabilities?: boolean;

  @ApiPropertyOptional({
    type: 'integer',
    nullable: true,
    description:
      'Refused with 409 if this server uses it itself; otherwise without effect: `port` of the answer is good',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(65_535)
  port?: number | null;

  @ApiPropertyOptional({ default: 'trinity-agent-base:latest' })
  @IsOptional()
  @IsString()
  base_image?: string;
}

export class RenameBody {
  @ApiProperty({ example: 'analysis-agent' })
  @IsString()
  new_name!: string;
}

export class ResourcesView {
  @ApiProperty({ example: '2' }) cpu!: string;
  @ApiProperty({ example: '4g' }) memory!: string;
}

/** The agent itself, as creating it answers. */
export class AgentStatusView {
  @ApiProperty({ example: 'research-agent' }) name!: string;
  @ApiProperty({ example: 'business-assistant' }) type!: string;
  @ApiProperty({ example: 'running', enum: ['running', 'stopped', 'restarting'] }) status!: string;
  @ApiProperty({ example: 2222, description: 'Port of the SSH gateway; 0 while there is none' }) port!: number;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) created!: string;
  @ApiProperty() resources!: ResourcesView;
  @ApiProperty({ type: 'string', nullable: true }) container_id!: string | null;
  @ApiProperty({ type: 'string', nullable: true }) template!: string | null;
  @ApiProperty({ example: 'claude-code' }) runtime!: string;
  @ApiProperty({ type: 'string', nullable: true }) base_image_version!: string | null;

  static of({ agent, instance, sshPort }: Pick<ListedAgent, 'agent' | 'instance' | 'sshPort'>): AgentStatusView {
    return {
      name: agent.slug,
      type: agent.type,
      status: statusOf(instance?.state ?? null),
      port: sshPort,
      created: agent.createdAt.toISOString(),
      resources: resourcesIn(agent),
      container_id: instance?.ref ?? null,
      template: agent.template,
      runtime: agent.runtime,
      base_image_version: versionOf(instance?.image ?? null),
    };
  }
}

/** What both list and detail add. */
export class SeenAgentView extends AgentStatusView {
  @ApiProperty({ type: 'string', nullable: true }) owner!: string | null;
  @ApiProperty() is_owner!: boolean;
  @ApiProperty() is_shared!: boolean;
  @ApiProperty() is_system!: boolean;
  @ApiProperty({ type: 'string', nullable: true }) github_repo!: string | null;
  @ApiProperty({ type: 'array', items: { type: 'string' } }) tags!: string[];
  @ApiProperty() autonomy_enabled!: boolean;
  @ApiProperty() read_only_enabled!: boolean;
  @ApiProperty({ type: 'string', nullable: true }) avatar_url!: string | null;
  @ApiProperty({ type: 'string', nullable: true, description: 'Why it is not running' }) status_reason!: string | null;
  @ApiProperty({ required: false, description: 'There is no container: starting makes one' }) needs_start?: boolean;
}

export class AgentListView extends SeenAgentView {
  @ApiProperty({ type: 'string', nullable: true }) memory_limit!: string | null;
  @ApiProperty({ type: 'string', nullable: true }) cpu_limit!: string | null;

  static ofListed(listed: ListedAgent): AgentListView {
    return Object.assign(seen(listed), {
      memory_limit: listed.agent.memoryLimit,
      cpu_limit: listed.agent.cpuLimit,
    });
  }
}

export class AgentDetailView extends SeenAgentView {
  @ApiProperty() can_share!: boolean;
  @ApiProperty() can_delete!: boolean;
  @ApiProperty({ type: [ShareView] }) shares!: ShareView[];

  /** @param shares empty for a caller who may not share the agent */
  static ofListed(listed: ListedAgent, shares: readonly GivenShare[]): AgentDetailView {
    const owns = listed.right === 'own';
    return Object.assign(seen(listed), {
      can_share: owns,
      can_delete: owns && !listed.agent.isSystem,
      shares: shares.map((share) => ShareView.of(listed.agent.slug, share)),
    });
  }
}

export class MessageView {
  @ApiProperty({ example: 'Agent research-agent deleted' }) message!: string;
}

export class StartedView extends MessageView {
  @ApiProperty({ example: 'success', enum: ['success', 'skipped', 'failed'] }) credentials_injection!: string;
  @ApiProperty() credentials_result!: CredentialsResultView;
  @ApiProperty({ example: 'success', description: 'The same, for older clients' }) trinity_injection!: string;

  /** Of a container that ran already: what became of its credentials when it was started. */
  static of(name: string, { instance }: AgentWithInstance): StartedView {
    const result = CredentialsResultView.of(instance.credentials);
    return {
      message: `Agent ${name} started`,
      credentials_injection: result.status,
      credentials_result: result,
      trinity_injection: result.status,
    };
  }
}

export class RenamedView extends MessageView {
  @ApiProperty() old_name!: string;
  @ApiProperty() new_name!: string;
  @ApiProperty() was_running!: boolean;
  @ApiProperty({ type: 'string', nullable: true }) note!: string | null;
}

/** Assigned, not spread: for lists of thousands that is 1 us an agent instead of 50. */
function seen(listed: ListedAgent): SeenAgentView {
  const { agent, instance, ownerName, isOwner, isShared } = listed;
  return Object.assign(AgentStatusView.of(listed), {
    owner: ownerName,
    is_owner: isOwner,
    is_shared: isShared,
    is_system: agent.isSystem,
    github_repo: agent.githubRepo,
    tags: [...agent.tags].sort(),
    autonomy_enabled: agent.autonomy,
    read_only_enabled: agent.readOnly,
    avatar_url: null,
    status_reason: instance?.reason ?? null,
    // Left out of the JSON where it is undefined.
    needs_start: instance?.ref ? undefined : true,
  });
}

/** The tag of an image name. */
function versionOf(image: string | null): string | null {
  const tag = /:([^:/]+)$/.exec(image ?? '')?.[1];
  return tag ?? null;
}
