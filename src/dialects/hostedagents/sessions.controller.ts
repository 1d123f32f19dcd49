import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { AgentReach } from '../../core/instances/agent-reach.service.js';
import { Conversations } from '../../core/sessions/conversations.service.js';
import { Usage } from '../../core/sessions/usage.service.js';
import { Workload } from '../../core/sessions/workload.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { SessionView } from './agents.dto.js';
import { DeletedView, Refuses } from './answers.dto.js';
import { ForAgent, TheAgent } from './by-id.js';
import { AbortBody, AbortView, OpenSessionBody, sessionIdOf, SessionsView } from './sessions.dto.js';
import { ShownAs } from './shown-as.js';
import { UsageView } from './usage.dto.js';
import { namedIdOf, publicIdOf } from './words.js';

const notRunning = { 400: 'The agent is not running', 404: 'No such agent', 502: 'The agent does not respond' };

@ApiTags('Messages and sessions')
@Controller('api/v1/agents/:agentId')
export class HostedSessionsController {
  constructor(
    private readonly conversations: Conversations,
    private readonly workload: Workload,
    private readonly usage: Usage,
    private readonly reach: AgentReach,
    private readonly shown: ShownAs,
  ) {}

  @Get('sessions')
  @ForAgent('view')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'Sessions of an agent, newest first' })
  @ApiOkResponse({ type: SessionsView })
  @Refuses({ 404: 'No such agent' })
  async list(@Who() who: Principal, @TheAgent() agent: Agent): Promise<SessionsView> {
    const sessions = await this.conversations.list(who, agent);
    const working = await this.workload.sessionsAtWork(agent.id);
    return {
      sessions: sessions.map((session) =>
        SessionView.of(session, working.has(session.id), this.shown.session(session.id)),
      ),
    };
  }

  @Post('sessions')
  @HttpCode(200)
  @ForAgent('operate')
  @Requires('sessions:write')
  @ApiOperation({ summary: 'Open a session', description: 'A message without a session does the same.' })
  @ApiBody({ type: OpenSessionBody, required: false, examples: { titled: { value: { title: 'Refactoring' } } } })
  @ApiOkResponse({ type: SessionView })
  @Refuses({ 400: 'The title is too long, or the agent is not running', 404: 'No such agent' })
  async open(@Who() who: Principal, @TheAgent() agent: Agent, @Body() body: OpenSessionBody): Promise<SessionView> {
    const title = body.title?.trim() ?? '';
    const session = await this.conversations.open(who, agent, title === '' ? null : title);
    return SessionView.of(session, false, this.shown.session(session.id));
  }

  @Delete('sessions/:sessionId')
  @ForAgent('operate')
  @Requires('sessions:write')
  @ApiParam({ name: 'sessionId', example: 'ses_5b1c0b1e1f434f579c550d2f2f5b1c9e' })
  @ApiOperation({
    summary: 'Delete a session',
    description: 'It is aborted first. What was said is gone; what it cost stays in the usage of the agent.',
  })
  @ApiOkResponse({ type: DeletedView })
  @Refuses({ 404: 'No such agent or session', 502: 'The agent does not stop working in it; it goes when it does' })
  async remove(
    @Who() who: Principal,
    @TheAgent() agent: Agent,
    @Param('sessionId') sessionId: string,
  ): Promise<DeletedView> {
    await this.conversations.remove(who, agent, sessionIdOf(sessionId));
    return { deleted: true };
  }

  @Post('abort')
  @HttpCode(200)
  @ForAgent('operate')
  @Requires('sessions:write')
  @ApiOperation({
    summary: 'Stop what the agent does',
    description: 'In one session or in all. What waits is dropped; the agent keeps running and takes new messages.',
  })
  @ApiBody({ type: AbortBody, required: false, examples: { all: { value: {} } } })
  @ApiOkResponse({ type: AbortView })
  @Refuses({ ...notRunning, 400: 'Bad JSON, or the agent is not running', 404: 'No such agent or session' })
  async abort(@Who() who: Principal, @TheAgent() agent: Agent, @Body() body: AbortBody): Promise<AbortView> {
    await this.reach.require(agent);
    const { id } = agent;
    const named = body.sessionId ?? null;
    const stopped = await this.conversations.abort(who, agent, named === null ? null : sessionIdOf(named));
    if (named !== null) return { agentId: publicIdOf(id), sessionId: named, aborted: true };
    return { agentId: publicIdOf(id), aborted: stopped.map((session) => namedIdOf('session', session)) };
  }

  @Get('usage')
  @ForAgent('view')
  @Requires('sessions:read')
  @ApiOperation({
    summary: 'What the agent cost so far',
    description: 'In total and by session, as its runtime reports it. The numbers never fall.',
  })
  @ApiOkResponse({ type: UsageView })
  @Refuses(notRunning)
  async spent(@Who() who: Principal, @TheAgent() agent: Agent): Promise<UsageView> {
    await this.reach.require(agent);
    const { total, sessions } = await this.usage.of(who, agent);
    return UsageView.of(agent.id, total, sessions);
  }
}
