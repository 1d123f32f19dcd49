import { Controller, Get, Param, Req, Res, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AgentLink, Links } from '../../core/links/links.service.js';
import { Public } from '../../platform/http/access.js';
import { WebPages } from '../../platform/http/web-pages.js';
import { AgentLinkGuard, Linked } from './link.guard.js';
import { sendPage } from './page.js';
import { aCapability, AgentStateView, Refuses } from './talk.dto.js';

/** The address of an agent: its name and state, and nothing else. */
@ApiTags('Agent page')
@Controller('a/:capability')
@ApiParam(aCapability)
export class AgentPageController {
  constructor(
    private readonly links: Links,
    private readonly pages: WebPages,
  ) {}

  @Get()
  @Public()
  @ApiOperation({ summary: "The page with an agent's name and state" })
  @ApiProduces('text/html')
  @ApiOkResponse({ description: 'A page', schema: { type: 'string' } })
  @Refuses()
  page(
    @Param('capability') capability: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return sendPage({ request, reply }, this.pages, () => this.links.agent(capability));
  }

  @Get('state')
  @Public()
  @UseGuards(AgentLinkGuard)
  @ApiOperation({ summary: 'Name and state of the agent' })
  @ApiOkResponse({ type: AgentStateView })
  @Refuses()
  state(@Linked() link: AgentLink): AgentStateView {
    return AgentStateView.of(link);
  }
}
