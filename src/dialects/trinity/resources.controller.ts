import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { Allow } from 'class-validator';
import type { Principal } from '../../core/access/principal.js';
import { Invalid } from '../../core/errors/domain-error.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { AgentResources, type ResourceLimits } from '../../core/instances/agent-resources.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };
const choices = {
  memory: ['1g', '2g', '4g', '8g', '16g', '32g', '64g'],
  cpu: ['1', '2', '4', '8', '16'],
} as const;

export class ResourceLimitsBody {
  @ApiPropertyOptional({ type: 'string', nullable: true, enum: [...choices.memory], example: '2g' })
  @Allow()
  memory?: unknown;

  @ApiPropertyOptional({ type: 'string', nullable: true, enum: [...choices.cpu], example: '1' })
  @Allow()
  cpu?: unknown;
}

export class ResourceLimitsView {
  @ApiProperty({ type: 'string', nullable: true, example: null, description: 'Set for this agent' })
  memory!: string | null;
  @ApiProperty({ type: 'string', nullable: true, example: null }) cpu!: string | null;
  @ApiProperty({ example: '4g', description: 'What its container has' }) current_memory!: string;
  @ApiProperty({ example: '2' }) current_cpu!: string;

  static of({ memory, cpu, currentMemory, currentCpu }: ResourceLimits): ResourceLimitsView {
    return { memory, cpu, current_memory: currentMemory, current_cpu: currentCpu };
  }
}

export class ResourceLimitsSetView {
  @ApiProperty() message!: string;
  @ApiProperty({ type: 'string', nullable: true }) memory!: string | null;
  @ApiProperty({ type: 'string', nullable: true }) cpu!: string | null;
  @ApiProperty({ description: 'Its container has other limits: start it to apply these' }) restart_needed!: boolean;
}

@ApiTags('Configuration')
@ByName()
@Controller('api/agents/:name/resources')
export class TrinityResourcesController {
  constructor(
    private readonly resources: AgentResources,
    private readonly directory: AgentDirectory,
  ) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Memory and cores an agent may use' })
  @ApiOkResponse({ type: ResourceLimitsView })
  @Refuses(access)
  async get(@Who() who: Principal, @Param('name') name: string): Promise<ResourceLimitsView> {
    return ResourceLimitsView.of(await this.resources.get(who, name));
  }

  @Put()
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Limit memory and cores of an agent',
    description: 'A running agent has them at once where the engine can do that. null: what it was created with.',
  })
  @ApiBody({
    type: ResourceLimitsBody,
    examples: { limits: { value: { memory: '2g', cpu: '1' } }, back: { value: { memory: null, cpu: null } } },
  })
  @ApiOkResponse({ type: ResourceLimitsSetView })
  @Refuses({ ...access, 400: 'A size or number that is not offered', 403: 'Not its owner', 422: 'No object' })
  async set(
    @Who() who: Principal,
    @Param('name') name: string,
    @Body() body?: ResourceLimitsBody,
  ): Promise<ResourceLimitsSetView> {
    await this.directory.get(who, name, 'own');
    const change = { ...choiceOf('memory', body?.memory), ...choiceOf('cpu', body?.cpu) };
    const limits = await this.resources.set(who, name, change);
    const { memory, cpu, restartNeeded } = limits;
    return { message: messageOf(limits), memory, cpu, restart_needed: restartNeeded };
  }
}

/** One of the offered values, or null; absent stays absent. */
function choiceOf(field: keyof typeof choices, value: unknown): Partial<Record<typeof field, string | null>> {
  if (value === undefined) return {};
  if (value === null) return { [field]: null };
  const text = typeof value === 'number' ? String(value) : value;
  const known: readonly unknown[] = choices[field];
  if (typeof text === 'string' && known.includes(text)) return { [field]: text };
  throw new Invalid(`${field} must be one of ${choices[field].join(', ')}, or null`, [], 'invalid_resources');
}

function messageOf({ restartNeeded, enforced }: ResourceLimits): string {
  if (!enforced) return 'Resource limits stored; this engine does not hold agents to them';
  return restartNeeded ? 'Resource limits stored. Start the agent to apply them.' : 'Resource limits updated';
}
