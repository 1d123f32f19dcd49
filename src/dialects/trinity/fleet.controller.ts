import { Controller, Get } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { Clock } from '../../core/clock.port.js';
import { FleetOverview } from '../../core/fleet/fleet-overview.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { MayBeStale } from './stale-marker.js';
import { AgentAutonomyView, AgentContextView, ContextStatsView } from './fleet.dto.js';

/** Answers about all agents at once. Their words win over agents of that name. */
@ApiTags('Fleet')
@ApiExtraModels(AgentAutonomyView)
@MayBeStale()
@Controller('api/agents')
export class TrinityFleetController {
  constructor(
    private readonly overview: FleetOverview,
    private readonly clock: Clock,
  ) {}

  @Get('context-stats')
  @Requires('agents:read')
  @ApiOperation({
    summary: 'How full the context window of each of your agents is, and what it does',
    description: 'From stored conversations: no agent is called.',
  })
  @ApiOkResponse({ type: ContextStatsView })
  @Refuses({ 401: 'Not authenticated' })
  async contextStats(@Who() who: Principal): Promise<ContextStatsView> {
    const now = this.clock.now();
    return { agents: (await this.overview.list(who)).map((member) => AgentContextView.of(member, now)) };
  }

  @Get('autonomy-status')
  @Requires('agents:read')
  @ApiOperation({ summary: 'Which of your agents work on their own', description: 'By name, without system agents.' })
  @ApiOkResponse({
    schema: {
      type: 'object',
      additionalProperties: { $ref: getSchemaPath(AgentAutonomyView) },
      example: { hello: { autonomy_enabled: false } },
    },
  })
  @Refuses({ 401: 'Not authenticated' })
  async autonomyStatus(@Who() who: Principal): Promise<Record<string, AgentAutonomyView>> {
    const members = (await this.overview.list(who)).filter(({ isSystem }) => !isSystem);
    return Object.fromEntries(members.map(({ slug, autonomy }) => [slug, { autonomy_enabled: autonomy }]));
  }
}
