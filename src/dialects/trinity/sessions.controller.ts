import { Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Max, Min } from 'class-validator';
import type { Principal } from '../../core/access/principal.js';
import { UsersService } from '../../core/accounts/users.service.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { History } from '../../core/sessions/history.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import {
  ClosedView,
  SessionDetailView,
  SessionsView,
  SessionView,
  StoredHistoryView,
  StoredMessageView,
} from './chat.dto.js';
import { AsWhole } from './query-words.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };

export class StoredHistoryQuery {
  @IsOptional()
  @AsWhole()
  @IsInt()
  @Min(1)
  @Max(1000)
  limit?: number;

  @IsOptional()
  @IsString()
  user_filter?: string;
}

@ApiTags('Chat')
@ByName()
@Controller('api/agents/:name/chat')
export class TrinitySessionsController {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly history: History,
    private readonly users: UsersService,
  ) {}

  @Get('history/persistent')
  @Requires('sessions:read')
  @ApiOperation({
    summary: 'Stored messages, also of earlier conversations',
    description: 'Admins see those of all users.',
  })
  @ApiQuery({ name: 'limit', required: false, schema: { type: 'integer', default: 100 } })
  @ApiQuery({ name: 'user_filter', required: false, description: 'A user id; for admins' })
  @ApiOkResponse({ type: StoredHistoryView })
  @Refuses({ ...access, 422: 'limit is no number from 1 to 1000' })
  async stored(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query() query: StoredHistoryQuery,
  ): Promise<StoredHistoryView> {
    const { agent } = await this.directory.get(who, name);
    const messages = await this.history.recent(who, agent, query.limit ?? 100, query.user_filter);
    const emails = await this.users.emailsOf(messages.map((message) => message.userId));
    const views = messages.map((message) => StoredMessageView.of(message, agent.slug, emails));
    return { agent_name: agent.slug, message_count: views.length, messages: views };
  }

  @Get('sessions')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'Conversations, newest first', description: 'Yours; all of them for admins.' })
  @ApiQuery({ name: 'status', required: false, enum: ['active', 'closed'] })
  @ApiOkResponse({ type: SessionsView })
  @Refuses(access)
  async list(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query('status') status: string | undefined,
  ): Promise<SessionsView> {
    const { agent } = await this.directory.get(who, name);
    const sessions = await this.history.sessions(who, agent, { ...(status ? { status } : {}) });
    const emails = await this.users.emailsOf(sessions.map((session) => session.userId));
    const views = sessions.map((session) => SessionView.of(session, agent.slug, emails));
    return { agent_name: agent.slug, session_count: views.length, sessions: views };
  }

  @Get('sessions/:id')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'One conversation with its messages' })
  @ApiOkResponse({ type: SessionDetailView })
  @Refuses({ ...access, 403: 'Of another agent or user', 404: 'No such agent or session' })
  async get(@Who() who: Principal, @Param('name') name: string, @Param('id') id: string): Promise<SessionDetailView> {
    const { agent } = await this.directory.get(who, name);
    const session = await this.history.session(who, agent, id);
    const messages = await this.history.messages(session);
    const emails = await this.users.emailsOf([session.userId]);
    return {
      session: SessionView.of(session, agent.slug, emails),
      message_count: messages.length,
      messages: messages.map((message) => StoredMessageView.of(message, agent.slug, emails)),
    };
  }

  @Post('sessions/:id/close')
  @Requires('sessions:write')
  @ApiOperation({ summary: 'Close a conversation; closed already is success' })
  @ApiOkResponse({ type: ClosedView })
  @Refuses({ ...access, 404: 'No such agent or session', 409: 'The agent is working in it' })
  async close(@Who() who: Principal, @Param('name') name: string, @Param('id') id: string): Promise<ClosedView> {
    const { agent } = await this.directory.get(who, name, 'operate');
    const session = await this.history.session(who, agent, id);
    await this.history.close(session);
    return { status: 'closed', session_id: session.id };
  }
}
