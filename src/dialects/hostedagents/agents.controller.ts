import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { AgentPages } from '../../core/fleet/agent-pages.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { AgentDetailView, AgentsView, ListAgentsQuery } from './agents.dto.js';
import { AgentsReader } from './agents.reader.js';
import { Refuses } from './answers.dto.js';
import { ForAgent, TheAgent } from './by-id.js';
import { ownIdOf, statesOf } from './words.js';

@ApiTags('Agents')
@Controller('api/v1/agents')
export class HostedAgentsController {
  constructor(
    private readonly pages: AgentPages,
    private readonly reader: AgentsReader,
  ) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Agents of your organisation, newest first' })
  @ApiOkResponse({ type: AgentsView })
  @Refuses({ 400: 'An unknown status, or numbers out of range' })
  async list(@Who() who: Principal, @Query() query: ListAgentsQuery): Promise<AgentsView> {
    const { status, scopeId, limit, offset } = query;
    const states = status === undefined ? null : statesOf[status];
    // Nothing can be in a scope whose id is none.
    const groupId = scopeId === undefined ? null : (ownIdOf(scopeId) ?? 'none');
    const { agents, total } = await this.pages.list(who, { states, groupId, limit, offset });
    return { agents: agents.map((one) => this.reader.short(one)), total, limit, offset };
  }

  @Get(':agentId')
  @ForAgent('view')
  @Requires('agents:read')
  @ApiOperation({ summary: 'One agent', description: 'Poll it every two seconds until `busy` is false.' })
  @ApiOkResponse({ type: AgentDetailView })
  @Refuses({ 404: 'No such agent' })
  get(@Who() who: Principal, @TheAgent() agent: Agent): Promise<AgentDetailView> {
    return this.reader.whole(who, agent.id);
  }
}
