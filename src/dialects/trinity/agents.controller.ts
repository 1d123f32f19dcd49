import { Body, Controller, Delete, Get, Param, Post, Put, Query } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { Unavailable } from '../../core/errors/domain-error.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { AgentLifecycle } from '../../core/instances/agent-lifecycle.service.js';
import { EngineWatch } from '../../core/instances/engine-watch.service.js';
import { Sharing } from '../../core/sharing/sharing.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import {
  AgentDetailView,
  AgentListView,
  AgentStatusView,
  CreateAgentBody,
  MessageView,
  RenameBody,
  RenamedView,
  StartedView,
} from './agents.dto.js';
import { worded } from './agent-failures.js';
import { Refuses } from './answers.dto.js';
import { AgentWishes } from './agent-wishes.js';
import { ByName } from './by-name.js';
import { listOf } from './query-words.js';
import { MayBeStale } from './stale-marker.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };

@ApiTags('Agents')
@Controller('api/agents')
export class TrinityAgentsController {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly lifecycle: AgentLifecycle,
    private readonly wishes: AgentWishes,
    private readonly watch: EngineWatch,
    private readonly sharing: Sharing,
  ) {}

  @Get()
  @MayBeStale()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Agents you may access, newest first' })
  @ApiQuery({ name: 'tags', required: false, description: 'Any of these, such as `prod,staging`' })
  @ApiOkResponse({ type: [AgentListView] })
  @Refuses({ 401: 'Not authenticated', 503: 'The engine has never answered, so nothing is known yet' })
  async list(@Who() who: Principal, @Query('tags') tags: string | string[] | undefined): Promise<AgentListView[]> {
    const listed = await this.directory.list(who, listOf(tags));
    // Before anything was ever stored an empty list would look like a loss.
    const unknown = !this.watch.connected && this.watch.info === null && listed.length === 0;
    if (unknown && !(await this.directory.hasAny())) {
      throw new Unavailable('Docker is not available', 'engine_unavailable', 2);
    }
    return listed.map((one) => AgentListView.ofListed(one));
  }

  @Post()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Create an agent and start it', description: 'Waits until its container runs.' })
  @ApiBody({
    type: CreateAgentBody,
    examples: {
      short: { value: { name: 'hello', runtime: 'opencode' } },
      long: {
        value: {
          name: 'research-agent',
          template: 'business-assistant',
          resources: { cpu: '2', memory: '4g' },
          custom_instructions: 'Answer briefly.',
        },
      },
    },
  })
  @ApiOkResponse({ type: AgentStatusView })
  @Refuses({
    400: 'A bad name, runtime or resources; an unknown template or repository',
    401: 'Not authenticated',
    403: 'This image or role may not',
    409: 'The name or the port is taken',
    422: 'The name is missing',
    500: 'It could not be created; nothing was left behind',
    503: 'No engine answers',
    504: 'The git host did not deliver in time',
  })
  async create(@Who() who: Principal, @Body() body: CreateAgentBody): Promise<AgentStatusView> {
    const made = this.wishes.of(who, body).then((wish) => this.lifecycle.create(who, wish));
    return AgentStatusView.of({ ...(await worded('create', made)), sshPort: this.directory.sshPort });
  }

  @Get(':name')
  @ByName()
  @Requires('agents:read')
  @ApiOperation({ summary: 'One agent' })
  @ApiOkResponse({ type: AgentDetailView })
  @Refuses(access)
  async get(@Who() who: Principal, @Param('name') name: string): Promise<AgentDetailView> {
    const listed = await this.directory.get(who, name);
    const shares = listed.right === 'own' && listed.hasShares ? await this.sharing.of(listed.agent.id) : [];
    return AgentDetailView.ofListed(listed, shares);
  }

  @Delete(':name')
  @ByName()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Delete an agent and everything that belongs to it' })
  @ApiOkResponse({ type: MessageView })
  @Refuses({ ...access, 403: 'Not its owner, or a system agent' })
  async remove(@Who() who: Principal, @Param('name') name: string): Promise<MessageView> {
    await worded('delete', this.lifecycle.remove(who, { slug: name }));
    return { message: `Agent ${name} deleted` };
  }

  @Post(':name/start')
  @ByName()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Start an agent', description: 'Running already is success.' })
  @ApiOkResponse({ type: StartedView })
  @Refuses({ ...access, 500: 'It did not come up', 503: 'No engine answers' })
  async start(@Who() who: Principal, @Param('name') name: string): Promise<StartedView> {
    return StartedView.of(name, await worded('start', this.lifecycle.start(who, name)));
  }

  @Post(':name/stop')
  @ByName()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Stop an agent', description: 'Stopped already is success. Its files stay.' })
  @ApiOkResponse({ type: MessageView })
  @Refuses({ ...access, 503: 'No engine answers' })
  async stop(@Who() who: Principal, @Param('name') name: string): Promise<MessageView> {
    await worded('stop', this.lifecycle.stop(who, { slug: name }));
    return { message: `Agent ${name} stopped` };
  }

  @Put(':name/rename')
  @ByName()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Rename an agent', description: 'A running agent is stopped and stays so until started.' })
  @ApiOkResponse({ type: RenamedView })
  @Refuses({ ...access, 400: 'No usable name, or the same', 409: 'The name is taken', 422: 'new_name is missing' })
  async rename(@Who() who: Principal, @Param('name') name: string, @Body() body: RenameBody): Promise<RenamedView> {
    const { agent, oldSlug, wasRunning } = await worded('rename', this.lifecycle.rename(who, name, body.new_name));
    return {
      message: `Agent renamed from '${oldSlug}' to '${agent.slug}'`,
      old_name: oldSlug,
      new_name: agent.slug,
      was_running: wasRunning,
      note: wasRunning ? 'Agent needs to be restarted to apply all changes' : null,
    };
  }
}
