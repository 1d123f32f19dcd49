import { Body, Controller, Delete, Get, Headers, Param, Post } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { Invalid, NotFound, Unavailable } from '../../core/errors/domain-error.js';
import { History } from '../../core/sessions/history.service.js';
import { Prompts } from '../../core/sessions/prompts.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Gone } from '../../platform/http/streams.js';
import { Refuses } from './answers.dto.js';
import { MessageBody } from '../shared/message.dto.js';
import { ByName } from './by-name.js';
import { ChatSessionView, ChatView, ClearedView, HistoryMessageView, LiveSessionView } from './chat.dto.js';
import { chatFailure } from './chat.errors.js';
import { SourceAgent } from './source-agent.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };
/** Messages that may wait behind the one an agent works on. */
const queueLimit = 3;

@ApiTags('Chat')
@ByName()
@Controller('api/agents/:name/chat')
export class TrinityChatController {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly prompts: Prompts,
    private readonly history: History,
    private readonly sources: SourceAgent,
  ) {}

  @Post()
  @Requires('sessions:write')
  @ApiOperation({
    summary: 'Send a message and wait for the answer',
    description: 'One message is worked on at a time; three may wait. The answer carries the tools that were used.',
  })
  @ApiBody({
    type: MessageBody,
    examples: {
      words: { value: { message: 'What is in this folder?' } },
      demo: {
        summary: 'A step for the demo model',
        value: { message: 'Create hello.txt. <<write hello.txt hi>>' },
      },
    },
  })
  @ApiHeader({ name: 'X-Source-Agent', required: false, description: 'The agent that asks, if one does' })
  @ApiOkResponse({ type: ChatView })
  @Refuses({
    ...access,
    422: 'The message is missing',
    429: 'Too many messages wait',
    500: 'The agent failed',
    503: 'The agent is not running',
    504: 'It took longer than the agent is allowed',
  })
  async chat(
    @Who() who: Principal,
    @Param('name') name: string,
    @Body() body: MessageBody,
    @Headers('x-source-agent') source: string | undefined,
    @Gone() gone: AbortSignal,
  ): Promise<ChatView> {
    const { agent, sourceAgentId } = await this.sources.of(who, name, source);
    const model = body.model?.trim() || null;
    const prompt = { text: body.message, model, sourceAgentId, queueLimit };
    const { turn, ahead } = await this.prompts.send(who, agent, prompt);
    const patience = (ahead + 1) * agent.timeoutSeconds + 30;
    const ended = await this.prompts.ended(turn.id, patience, gone).catch((error: unknown) => {
      // Deleted while it worked: the turn went with the agent.
      throw error instanceof NotFound ? new NotFound('agent', name) : error;
    });
    if (ended.state !== 'finished') throw chatFailure(ended);
    const session = await this.history.session(who, agent, ended.sessionId);
    return ChatView.of(ended, session, await this.history.tools(ended.id), ahead);
  }

  @Get('history')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'Messages of your running conversation' })
  @ApiOkResponse({ type: [HistoryMessageView] })
  @Refuses({ ...access, 503: 'The agent is not running' })
  async live(@Who() who: Principal, @Param('name') name: string): Promise<HistoryMessageView[]> {
    const { agent, instance } = await this.directory.get(who, name);
    requireRunning(instance);
    const session = await this.history.live(who, agent);
    if (!session) return [];
    return (await this.history.messages(session)).map((message) => HistoryMessageView.of(message));
  }

  @Delete('history')
  @Requires('sessions:write')
  @ApiOperation({ summary: 'End your running conversation; the next message begins a new one' })
  @ApiOkResponse({ type: ClearedView })
  @Refuses({ ...access, 403: 'Not its owner', 409: 'The agent is working in it', 503: 'The agent is not running' })
  async clear(@Who() who: Principal, @Param('name') name: string): Promise<ClearedView> {
    const { agent, instance } = await this.directory.get(who, name, 'own');
    requireRunning(instance);
    const session = await this.history.live(who, agent);
    if (session) await this.history.close(session);
    return { status: 'cleared', session_reset: true, session: ChatSessionView.of(null, agent.model) };
  }

  @Get('session')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'Size and cost of your running conversation' })
  @ApiOkResponse({ type: LiveSessionView })
  @Refuses({ ...access, 400: 'The agent is not running' })
  async session(@Who() who: Principal, @Param('name') name: string): Promise<LiveSessionView> {
    const { agent, instance } = await this.directory.get(who, name);
    if (instance?.state !== 'running') throw new Invalid('Agent is not running', [], 'agent_not_running');
    return LiveSessionView.of(await this.history.live(who, agent), agent.model);
  }
}

function requireRunning(instance: { readonly state: string } | null): void {
  if (instance?.state !== 'running') throw new Unavailable('Agent is not running', 'agent_not_running');
}
