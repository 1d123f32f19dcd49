import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { Folders } from '../../core/folders/folders.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import {
  AvailableFoldersView,
  AvailableFolderView,
  flagsOf,
  FolderConsumersView,
  FolderConsumerView,
  FoldersBody,
  FoldersSetView,
  FoldersView,
} from './folders.dto.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };

@ApiTags('Shared folders')
@ByName()
@Controller('api/agents/:name/folders')
export class TrinityFoldersController {
  constructor(
    private readonly folders: Folders,
    private readonly directory: AgentDirectory,
  ) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({
    summary: 'What an agent shares and gets',
    description: '`restart_required`: its container has other folders than those stored; starting it applies them.',
  })
  @ApiOkResponse({ type: FoldersView })
  @Refuses(access)
  async get(@Who() who: Principal, @Param('name') name: string): Promise<FoldersView> {
    return FoldersView.of(await this.folders.status(who, name));
  }

  @Put()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Decide what an agent shares and gets', description: 'Applied when it is next started.' })
  @ApiBody({
    type: FoldersBody,
    examples: {
      expose: { value: { expose_enabled: true } },
      consume: { value: { consume_enabled: true } },
      neither: { value: { expose_enabled: false, consume_enabled: false } },
    },
  })
  @ApiOkResponse({ type: FoldersSetView })
  @Refuses({ ...access, 400: 'No flag, or the engine shares no folders', 403: 'Not its owner', 422: 'No object' })
  async set(@Who() who: Principal, @Param('name') name: string, @Body() body?: FoldersBody): Promise<FoldersSetView> {
    await this.directory.get(who, name, 'own');
    const { expose, consume } = await this.folders.configure(who, name, flagsOf(body));
    return {
      status: 'updated',
      agent_name: name,
      expose_enabled: expose,
      consume_enabled: consume,
      restart_required: true,
      message: 'Shared folders updated. Start the agent (again) to apply them.',
    };
  }

  @Get('available')
  @Requires('agents:read')
  @ApiOperation({ summary: 'Folders of others that this agent may get' })
  @ApiOkResponse({ type: AvailableFoldersView })
  @Refuses(access)
  async available(@Who() who: Principal, @Param('name') name: string): Promise<AvailableFoldersView> {
    const found = await this.folders.available(who, name);
    const views = found.map((folder) => AvailableFolderView.of(folder));
    return { agent_name: name, available_folders: views, count: views.length };
  }

  @Get('consumers')
  @Requires('agents:read')
  @ApiOperation({ summary: 'Agents that get the folder of this one' })
  @ApiOkResponse({ type: FolderConsumersView })
  @Refuses(access)
  async consumers(@Who() who: Principal, @Param('name') name: string): Promise<FolderConsumersView> {
    const found = await this.folders.consumers(who, name);
    const views = found.map((consumer) => FolderConsumerView.of(name, consumer));
    return { source_agent: name, consumers: views, count: views.length };
  }
}
