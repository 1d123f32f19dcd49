import { Controller, Get } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiProperty, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { systemAgentName } from '../../core/agents/agent.rules.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { Requires } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { statusOf } from './words.js';

export class NoSystemAgentView {
  @ApiProperty({ example: false }) exists!: boolean;
  @ApiProperty({ example: 'not_found' }) status!: string;
  @ApiProperty({ example: 'There is no system agent' }) message!: string;
  @ApiProperty({ example: systemAgentName }) name!: string;
}

export class SystemAgentView {
  @ApiProperty({ example: true }) exists!: boolean;
  @ApiProperty({ example: systemAgentName }) name!: string;
  @ApiProperty({ example: 'running', enum: ['running', 'stopped', 'restarting'] }) status!: string;
  @ApiProperty({ type: String, nullable: true }) container_id!: string | null;
  @ApiProperty({ type: String, nullable: true, example: 'admin' }) owner!: string | null;
  @ApiProperty({ type: String, format: 'date-time' }) created_at!: string;
  @ApiProperty({ example: true }) is_system!: boolean;
}

@ApiTags('Agents')
@ApiExtraModels(NoSystemAgentView, SystemAgentView)
@Controller('api/system-agent')
export class TrinitySystemAgentController {
  constructor(private readonly directory: AgentDirectory) {}

  @Get('status')
  @Requires('agents:read')
  @ApiOperation({ summary: 'Whether there is a system agent, and how it is' })
  @ApiOkResponse({
    schema: { oneOf: [{ $ref: getSchemaPath(SystemAgentView) }, { $ref: getSchemaPath(NoSystemAgentView) }] },
  })
  @Refuses({ 401: 'Not authenticated' })
  async status(): Promise<SystemAgentView | NoSystemAgentView> {
    const found = await this.directory.named(systemAgentName);
    if (!found) {
      return { exists: false, status: 'not_found', message: 'There is no system agent', name: systemAgentName };
    }
    const { agent, instance, ownerName } = found;
    return {
      exists: true,
      name: agent.slug,
      status: statusOf(instance?.state ?? null),
      container_id: instance?.ref ?? null,
      owner: ownerName,
      created_at: agent.createdAt.toISOString(),
      is_system: agent.isSystem,
    };
  }
}
