import { Body, Controller, Delete, Get, Param, Post, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { AgentGrants } from '../../core/agents/agent-grants.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { PermissionChangedView, PermissionsBody, PermissionsSetView, PermissionsView } from './permissions.dto.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };
const owner = { ...access, 403: 'Not its owner' };
const Target = (): MethodDecorator => ApiParam({ name: 'target', example: 'writer', description: 'Another agent' });

@ApiTags('Permissions')
@ByName()
@Controller('api/agents/:name/permissions')
export class TrinityPermissionsController {
  constructor(private readonly grants: AgentGrants) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({
    summary: 'Agents that this one may call',
    description: 'Agents of one owner may call each other until their owner says otherwise.',
  })
  @ApiOkResponse({ type: PermissionsView })
  @Refuses(access)
  async list(@Who() who: Principal, @Param('name') name: string): Promise<PermissionsView> {
    return PermissionsView.of(name, await this.grants.list(who, name));
  }

  @Put()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Decide which agents this one may call', description: 'Itself is left out.' })
  @ApiOkResponse({ type: PermissionsSetView })
  @Refuses({ ...owner, 400: 'An unknown agent is named', 422: 'permitted_agents is no list of names' })
  async replace(
    @Who() who: Principal,
    @Param('name') name: string,
    @Body() body: PermissionsBody,
  ): Promise<PermissionsSetView> {
    const count = await this.grants.replace(who, name, body.permitted_agents);
    return { status: 'updated', source_agent: name, permitted_count: count };
  }

  @Post(':target')
  @Target()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Let this agent call another' })
  @ApiOkResponse({ type: PermissionChangedView })
  @Refuses({ ...owner, 400: 'The other is unknown, or the agent itself' })
  async add(
    @Who() who: Principal,
    @Param('name') name: string,
    @Param('target') target: string,
  ): Promise<PermissionChangedView> {
    const added = await this.grants.add(who, name, target);
    return { status: added ? 'added' : 'already_exists', source_agent: name, target_agent: target };
  }

  @Delete(':target')
  @Target()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Let this agent not call another any more' })
  @ApiOkResponse({ type: PermissionChangedView })
  @Refuses(owner)
  async remove(
    @Who() who: Principal,
    @Param('name') name: string,
    @Param('target') target: string,
  ): Promise<PermissionChangedView> {
    const removed = await this.grants.remove(who, name, target);
    return { status: removed ? 'removed' : 'not_found', source_agent: name, target_agent: target };
  }
}
