import { Body, Controller, Delete, Get, Param, Post, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { AgentTags } from '../../core/fleet/agent-tags.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { AgentTagsView, TagCountsView, TagsBody } from './tags.dto.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };
const owner = { ...access, 400: 'No good tag, or more than 100', 403: 'Not its owner' };
const tagParam = { name: 'tag', example: 'prod' };

@ApiTags('Tags')
@Controller('api')
export class TrinityTagsController {
  constructor(private readonly tags: AgentTags) {}

  @Get('tags')
  @Requires('agents:read')
  @ApiOperation({ summary: 'Tags of all agents you may access, most used first' })
  @ApiOkResponse({ type: TagCountsView })
  @Refuses({ 401: 'Not authenticated' })
  async all(@Who() who: Principal): Promise<TagCountsView> {
    return { tags: await this.tags.counts(who) };
  }

  @Get('agents/:name/tags')
  @ByName()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Tags of an agent' })
  @ApiOkResponse({ type: AgentTagsView })
  @Refuses(access)
  async get(@Who() who: Principal, @Param('name') name: string): Promise<AgentTagsView> {
    return AgentTagsView.of(await this.tags.of(who, name));
  }

  @Put('agents/:name/tags')
  @ByName()
  @Requires('agents:write')
  @ApiOperation({ summary: "Replace an agent's tags" })
  @ApiOkResponse({ type: AgentTagsView })
  @Refuses({ ...owner, 422: '`tags` is no list of texts' })
  async replace(@Who() who: Principal, @Param('name') name: string, @Body() body: TagsBody): Promise<AgentTagsView> {
    return AgentTagsView.of(await this.tags.replace(who, name, body.tags));
  }

  @Post('agents/:name/tags/:tag')
  @ByName()
  @Requires('agents:write')
  @ApiParam(tagParam)
  @ApiOperation({ summary: 'Tag an agent', description: 'Tagged so already is success.' })
  @ApiOkResponse({ type: AgentTagsView })
  @Refuses(owner)
  async add(@Who() who: Principal, @Param('name') name: string, @Param('tag') tag: string): Promise<AgentTagsView> {
    return AgentTagsView.of(await this.tags.add(who, name, tag));
  }

  @Delete('agents/:name/tags/:tag')
  @ByName()
  @Requires('agents:write')
  @ApiParam(tagParam)
  @ApiOperation({ summary: 'Take a tag from an agent', description: 'Not tagged so is success.' })
  @ApiOkResponse({ type: AgentTagsView })
  @Refuses(owner)
  async remove(@Who() who: Principal, @Param('name') name: string, @Param('tag') tag: string): Promise<AgentTagsView> {
    return AgentTagsView.of(await this.tags.remove(who, name, tag));
  }
}
