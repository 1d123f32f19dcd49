import { Body, Controller, Get, Headers, Param, Post } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../../core/access/access.service.js';
import type { Principal } from '../../core/access/principal.js';
import { NotFound } from '../../core/errors/domain-error.js';
import { Queues } from '../../core/sessions/queue.service.js';
import { Tasks } from '../../core/sessions/tasks.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Gone } from '../../platform/http/streams.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { chatFailure } from './chat.errors.js';
import { SourceAgent } from './source-agent.js';
import { QueueClearedView, QueueReleasedView, QueueView, TaskBody, TaskView } from './tasks.dto.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };
const defaultTimeoutSeconds = 300;

@ApiTags('Chat')
@ByName()
@Controller('api/agents/:name')
export class TrinityTasksController {
  constructor(
    private readonly access: Access,
    private readonly tasks: Tasks,
    private readonly queues: Queues,
    private readonly sources: SourceAgent,
  ) {}

  @Post('task')
  @Requires('sessions:write')
  @ApiOperation({
    summary: 'Give a task that stands for itself, and wait for the answer',
    description:
      'It runs beside the chat in a conversation of its own, which is closed afterwards. Three tasks of an agent run at once.',
  })
  @ApiBody({ type: TaskBody, examples: { words: { value: { message: 'Which files are in this folder?' } } } })
  @ApiHeader({ name: 'X-Source-Agent', required: false, description: 'The agent that asks, if one does' })
  @ApiOkResponse({ type: TaskView })
  @Refuses({
    ...access,
    400: 'The runtime cannot be held to a list of tools, or no model is called so',
    422: 'The message is missing, or another field is of the wrong shape',
    429: 'Too many tasks wait',
    500: 'The agent failed',
    503: 'The agent is not running',
    504: 'It took longer than timeout_seconds',
  })
  async task(
    @Who() who: Principal,
    @Param('name') name: string,
    @Body() body: TaskBody,
    @Headers('x-source-agent') source: string | undefined,
    @Gone() gone: AbortSignal,
  ): Promise<TaskView> {
    const { agent, sourceAgentId } = await this.sources.of(who, name, source);
    const result = await this.tasks
      .run(
        who,
        agent,
        {
          text: body.message,
          model: body.model?.trim() || null,
          allowedTools: body.allowed_tools ?? [],
          instructions: body.system_prompt ?? null,
          timeoutSeconds: body.timeout_seconds ?? defaultTimeoutSeconds,
          sourceAgentId,
        },
        gone,
      )
      .catch((error: unknown) => {
        // Deleted while it worked: the turn went with the agent.
        throw error instanceof NotFound ? new NotFound('agent', name) : error;
      });
    const { turn, session, tools } = result;
    if (turn.state !== 'finished') throw chatFailure(turn);
    return TaskView.of(turn, session, tools);
  }

  @Get('queue')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'What an agent works on, and what waits for it' })
  @ApiOkResponse({ type: QueueView })
  @Refuses(access)
  async queue(@Who() who: Principal, @Param('name') name: string): Promise<QueueView> {
    const agent = await this.access.agent(who, { slug: name }, 'view');
    const queue = await this.queues.of(agent);
    const askers = [...queue.running, ...queue.waiting].flatMap((turn) => turn.sourceAgentId ?? []);
    return QueueView.of(queue, agent.slug, await this.access.slugs(askers));
  }

  @Post('queue/clear')
  @Requires('sessions:write')
  @ApiOperation({ summary: 'Cancel everything that waits', description: 'What runs goes on.' })
  @ApiOkResponse({ type: QueueClearedView })
  @Refuses({ ...access, 403: 'Not its owner' })
  async clear(@Who() who: Principal, @Param('name') name: string): Promise<QueueClearedView> {
    const count = await this.queues.clear(who, name);
    return { status: 'cleared', agent_name: name, cleared_count: count };
  }

  @Post('queue/release')
  @Requires('sessions:write')
  @ApiOperation({
    summary: 'Stop what an agent works on',
    description: 'The next in line has its turn. A runtime that does not obey is ended after a while.',
  })
  @ApiOkResponse({ type: QueueReleasedView })
  @Refuses({ ...access, 403: 'Not its owner' })
  async release(@Who() who: Principal, @Param('name') name: string): Promise<QueueReleasedView> {
    const count = await this.queues.release(who, name);
    return { status: 'released', agent_name: name, was_running: count > 0 };
  }
}
