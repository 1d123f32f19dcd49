import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { FleetOverview } from '../../core/fleet/fleet-overview.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { FleetMemberView } from './fleet.dto.js';

@ApiTags('Fleet')
@Controller('fleet')
export class ConsoleFleetController {
  constructor(private readonly overview: FleetOverview) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({
    summary: 'All your agents at a glance: state, why, owner, tags, CPU, memory, context',
    description:
      'Newest first. From stored state and measurements taken in the background every 2 seconds while somebody asks: ' +
      'no call waits for the engine.',
  })
  @ApiQuery({ name: 'tags', required: false, description: 'Any of these, such as `prod,staging`' })
  @ApiOkResponse({ type: [FleetMemberView] })
  @Refuses()
  async list(@Who() who: Principal, @Query('tags') tags: string | string[] | undefined): Promise<FleetMemberView[]> {
    const wanted = String(tags ?? '')
      .split(',')
      .map((tag) => tag.trim().toLowerCase())
      .filter((tag) => tag !== '');
    return (await this.overview.list(who, wanted)).map((member) => FleetMemberView.of(member));
  }
}
