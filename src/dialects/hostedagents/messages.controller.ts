import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { Invalid } from '../../core/errors/domain-error.js';
import { AgentReach } from '../../core/instances/agent-reach.service.js';
import { Conversations } from '../../core/sessions/conversations.service.js';
import { Prompts } from '../../core/sessions/prompts.service.js';
import { Transcripts } from '../../core/sessions/transcripts.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ForAgent, TheAgent } from './by-id.js';
import { messagePlaceOf, MessagesQuery, MessagesView, MessageView, SendBody, SentView } from './messages.dto.js';
import { ModelList } from './model-list.js';
import { sessionIdOf } from './sessions.dto.js';
import { namedIdOf, publicIdOf } from './words.js';

/** Messages of one session that may wait for the one that is worked on. */
const queueLimit = 100;

@ApiTags('Messages and sessions')
@Controller('api/v1/agents/:agentId/messages')
export class HostedMessagesController {
  constructor(
    private readonly conversations: Conversations,
    private readonly prompts: Prompts,
    private readonly transcripts: Transcripts,
    private readonly reach: AgentReach,
    private readonly models: ModelList,
  ) {}

  @Post()
  @ForAgent('operate')
  @Requires('sessions:write')
  @ApiOperation({
    summary: 'Send a message',
    description: 'Answers at once; the agent works in the background. A session that is busy takes messages in order.',
  })
  @ApiBody({ type: SendBody, examples: { newSession: { value: { message: 'List the files' } } } })
  @ApiOkResponse({ type: SentView })
  @Refuses({
    400: 'Bad JSON, no message, or the agent is not running',
    404: 'No such agent or session',
    429: 'Too many messages wait in this session',
    502: 'The agent does not respond',
  })
  async send(@Who() who: Principal, @TheAgent() agent: Agent, @Body() body: SendBody): Promise<SentView> {
    await this.reach.require(agent);
    const asked = body.sessionId ?? null;
    const known = asked === null ? null : await this.conversations.get(who, agent, sessionIdOf(asked));
    const place = { lane: 'session', apart: true, ...(known ? { sessionId: known.id } : {}) } as const;
    const { session } = await this.prompts.send(who, agent, { text: body.message, queueLimit, ...place });
    return { sessionId: namedIdOf('session', session.id), sent: true };
  }

  @Get()
  @ForAgent('view')
  @Requires('sessions:read')
  @ApiOperation({
    summary: 'Messages of one session, or of all',
    description: 'Oldest first, also of an agent that is stopped.',
  })
  @ApiOkResponse({ type: MessagesView })
  @Refuses({ 400: 'A bad limit, or no such message to go on after', 404: 'No such agent or session' })
  async list(@Who() who: Principal, @TheAgent() agent: Agent, @Query() query: MessagesQuery): Promise<MessagesView> {
    const { sessionId, limit, after } = query;
    const session = sessionId ? await this.conversations.get(who, agent, sessionIdOf(sessionId)) : null;
    const place = after === undefined ? null : messagePlaceOf(after);
    if (after !== undefined && place === null) throw noPlace();
    const page = { ...(limit === undefined ? {} : { limit }), after: place };
    const messages = await (session ? this.transcripts.of(session, page) : this.transcripts.ofAgent(who, agent, page));
    if (!messages) throw noPlace();
    const model = this.models.of(agent);
    return {
      agentId: publicIdOf(agent.id),
      sessionId: session ? namedIdOf('session', session.id) : null,
      messages: messages.map((message) => MessageView.of(message, model)),
    };
  }
}

const noPlace = (): Invalid =>
  new Invalid('after is no message of this agent or session', [], 'invalid_request', { field: 'after' });
