import { Body, Controller, Delete, Patch, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { Requires, Who } from '../../platform/http/access.js';
import { AgentDetailView } from './agents.dto.js';
import { AgentsReader } from './agents.reader.js';
import { DeletedView, Refuses } from './answers.dto.js';
import { ForAgent, TheAgent } from './by-id.js';
import {
  CreateAgentBody,
  CreatedAgentView,
  PatchAgentBody,
  RestartBody,
  RestartedView,
  StartedView,
  StoppedView,
} from './lifecycle.dto.js';
import { HostedLifecycle } from './lifecycle.js';
import { publicIdOf } from './words.js';

/** Making, changing, running and deleting agents (contract section 2). */
@ApiTags('Agents')
@Controller('api/v1/agents')
export class HostedLifecycleController {
  constructor(
    private readonly lifecycle: HostedLifecycle,
    private readonly reader: AgentsReader,
  ) {}

  @Post()
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Create an agent',
    description:
      'Waits up to 60 seconds until it is ready and has its prompt. One that needs longer is `PROVISIONING`.',
  })
  @ApiBody({
    type: CreateAgentBody,
    examples: { prompted: { value: { name: 'build-agent', initialPrompt: 'Set up a Node.js project' } } },
  })
  @ApiOkResponse({ type: CreatedAgentView })
  @Refuses({
    400: 'Bad JSON, a bad name, an unknown model, or scope and scopeId mean different scopes',
    404: 'No such scope',
    503: 'It could not be started (it stays in ERROR, with its agentId), too many run, or no engine answers',
  })
  async create(@Who() who: Principal, @Body() body: CreateAgentBody): Promise<CreatedAgentView> {
    return CreatedAgentView.of(await this.reader.whole(who, await this.lifecycle.create(who, body)));
  }

  @Patch(':agentId')
  @ForAgent('own')
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Change name, scope or model',
    description:
      'Another model or scope is shown at once and used from the next start or restart on. `scopeId: null` takes it out of its ' +
      'scope, `model: null` gives it the default.',
  })
  @ApiBody({ type: PatchAgentBody, examples: { name: { value: { name: 'renamed-agent' } } } })
  @ApiOkResponse({ type: AgentDetailView })
  @Refuses({
    400: 'Nothing to change, a bad name, an unknown model or one its runtime cannot use, or two different scopes',
    404: 'No such agent or scope',
  })
  async change(
    @Who() who: Principal,
    @TheAgent() agent: Agent,
    @Body() body: PatchAgentBody,
  ): Promise<AgentDetailView> {
    await this.lifecycle.change(who, agent, body);
    return this.reader.whole(who, agent.id);
  }

  @Delete(':agentId')
  @ForAgent('own')
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Delete an agent and everything that belongs to it',
    description:
      'In any state. It is gone when this is answered; the answer waits up to 15 seconds for its container, and one that needs ' +
      'longer is removed later.',
  })
  @ApiOkResponse({ type: DeletedView })
  @Refuses({ 404: 'No such agent', 503: 'No engine answers; the agent is kept' })
  async remove(@Who() who: Principal, @TheAgent() agent: Agent): Promise<DeletedView> {
    await this.lifecycle.remove(who, agent);
    return { deleted: true };
  }

  @Post(':agentId/start')
  @ForAgent('operate')
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Start a stopped agent',
    description: 'Waits up to 30 seconds. Running already is success.',
  })
  @ApiOkResponse({ type: StartedView })
  @Refuses({ 400: 'It is PROVISIONING or in ERROR', 404: 'No such agent', 503: 'It did not start, or too many run' })
  async start(@Who() who: Principal, @TheAgent() agent: Agent): Promise<StartedView> {
    const started = await this.lifecycle.start(who, agent);
    return { agentId: publicIdOf(agent.id), status: 'RUNNING', started };
  }

  @Post(':agentId/stop')
  @ForAgent('operate')
  @Requires('agents:write')
  @ApiOperation({ summary: 'Stop a running agent', description: 'Its sessions, files and history stay.' })
  @ApiOkResponse({ type: StoppedView })
  @Refuses({ 400: 'It is PROVISIONING or in ERROR', 404: 'No such agent', 503: 'It could not be stopped' })
  async stop(@Who() who: Principal, @TheAgent() agent: Agent): Promise<StoppedView> {
    const stopped = await this.lifecycle.stop(who, agent);
    return { agentId: publicIdOf(agent.id), status: 'STOPPED', stopped };
  }

  @Post(':agentId/restart')
  @ForAgent('operate')
  @Requires('agents:write')
  @ApiOperation({ summary: 'Restart an agent', description: 'A stopped one is started. Files and sessions stay.' })
  @ApiBody({
    type: RestartBody,
    required: false,
    examples: { plain: { value: {} }, force: { value: { force: true } } },
  })
  @ApiOkResponse({ type: RestartedView })
  @Refuses({ 400: 'It is PROVISIONING, or in ERROR without force', 404: 'No such agent', 503: 'It did not start' })
  async restart(@Who() who: Principal, @TheAgent() agent: Agent, @Body() body: RestartBody): Promise<RestartedView> {
    await this.lifecycle.restart(who, agent, body.force ?? false);
    return { agentId: publicIdOf(agent.id), status: 'RUNNING', restarted: true };
  }
}
