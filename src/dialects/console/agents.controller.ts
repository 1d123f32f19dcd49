import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Access } from '../../core/access/access.service.js';
import type { Principal } from '../../core/access/principal.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { Invalid } from '../../core/errors/domain-error.js';
import { AgentLifecycle } from '../../core/instances/agent-lifecycle.service.js';
import { Runtimes } from '../../core/runtimes/runtime.port.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { SettingsBody, SettingsView } from './approvals.dto.js';

@ApiTags('Agents')
@ApiParam({ name: 'name', example: 'hello' })
@Controller('agents/:name/settings')
export class ConsoleAgentsController {
  constructor(
    private readonly access: Access,
    private readonly lifecycle: AgentLifecycle,
    private readonly runtimes: Runtimes,
  ) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Whether an agent asks before it acts' })
  @ApiOkResponse({ type: SettingsView })
  @Refuses({ 404: 'No such agent, or none of yours' })
  async get(@Who() who: Principal, @Param('name') name: string): Promise<SettingsView> {
    return viewOf(await this.access.agent(who, { slug: name }, 'view'));
  }

  @Put()
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Let an agent ask before it acts, or not',
    description: 'With `ask`, approvals and questions wait for a person. Applies from the next message on.',
  })
  @ApiOkResponse({ type: SettingsView })
  @Refuses({
    400: 'approvals is neither ask nor auto, or the runtime cannot ask',
    403: 'Not its owner',
    404: 'No such agent, or none of yours',
  })
  async set(@Who() who: Principal, @Param('name') name: string, @Body() body: SettingsBody): Promise<SettingsView> {
    const agent = await this.access.agent(who, { slug: name }, 'own');
    const runtime = this.runtimes.get(agent.runtime);
    if (body.approvals === 'ask' && !runtime.canAsk) {
      throw new Invalid(`${runtime.title} cannot ask a person here, so approvals stay on auto`, [], 'cannot_ask');
    }
    return viewOf(await this.lifecycle.setApprovals(who, name, body.approvals));
  }
}

const viewOf = ({ slug, approvals, autonomy, alwaysAllowed }: Agent): SettingsView => ({
  agent: slug,
  approvals,
  autonomy,
  always_allowed: alwaysAllowed,
});
