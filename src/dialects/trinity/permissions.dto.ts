import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsString } from 'class-validator';
import type { CallableAgent } from '../../core/agents/agent-grants.service.js';
import type { InstanceState } from '../../core/instances/instance.lifecycle.js';
import { statusOf } from './words.js';

export class PermissionsBody {
  @ApiProperty({ type: [String], example: [], description: 'Names of the agents it may call; all others it may not' })
  @IsArray()
  @ArrayMaxSize(10_000)
  @IsString({ each: true })
  permitted_agents!: string[];
}

export class PermittedAgentView {
  @ApiProperty({ example: 'writer' }) name!: string;
  @ApiProperty({ example: 'running' }) status!: string;
  @ApiProperty({ example: 'business-assistant' }) type!: string;
  @ApiProperty() permitted!: boolean;

  static of({ slug, type, state, permitted }: CallableAgent): PermittedAgentView {
    return { name: slug, status: statusOf(state as InstanceState | null), type, permitted };
  }
}

export class PermissionsView {
  @ApiProperty({ example: 'hello' }) source_agent!: string;
  @ApiProperty({ type: [PermittedAgentView] }) permitted_agents!: PermittedAgentView[];
  @ApiProperty({ type: [PermittedAgentView], description: 'All others you can see' })
  available_agents!: PermittedAgentView[];

  static of(source: string, agents: readonly CallableAgent[]): PermissionsView {
    const views = agents.map((agent) => PermittedAgentView.of(agent));
    const permitted = views.filter((view) => view.permitted);
    return { source_agent: source, permitted_agents: permitted, available_agents: views };
  }
}

export class PermissionsSetView {
  @ApiProperty({ example: 'updated' }) status!: string;
  @ApiProperty({ example: 'hello' }) source_agent!: string;
  @ApiProperty({ example: 1 }) permitted_count!: number;
}

export class PermissionChangedView {
  @ApiProperty({ example: 'added', enum: ['added', 'already_exists', 'removed', 'not_found'] }) status!: string;
  @ApiProperty({ example: 'hello' }) source_agent!: string;
  @ApiProperty({ example: 'writer' }) target_agent!: string;
}
