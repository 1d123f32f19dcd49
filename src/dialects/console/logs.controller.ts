import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../core/access/access.service.js';
import type { Principal } from '../../core/access/principal.js';
import { LastingAccess } from '../../core/accounts/lasting-access.service.js';
import { AgentLogs } from '../../core/instances/agent-logs.service.js';
import { LogFollowers } from '../../core/instances/log-followers.service.js';
import { type LogItem, tailLines } from '../../core/instances/log-source.js';
import { Requires, Who } from '../../platform/http/access.js';
import { asEventStream, eventStream } from '../../platform/http/server-sent-events.js';
import { Gone } from '../../platform/http/streams.js';
import { Refuses } from './answers.dto.js';
import { logEvent, LogStreamQuery } from './conversation.dto.js';

@ApiTags('Logs')
@ApiParam({ name: 'name', example: 'hello' })
@Controller('agents/:name/logs')
export class ConsoleLogsController {
  constructor(
    private readonly access: Access,
    private readonly lasting: LastingAccess,
    private readonly followers: LogFollowers,
    private readonly logs: AgentLogs,
  ) {}

  @Get('stream')
  @Requires('logs:read')
  @ApiOperation({
    summary: 'Follow the output of an agent',
    description:
      'Server-sent events: `start` (forget what was shown), `text`, `skipped` (this reader was too slow), `waiting` (it is ' +
      'stopped, or the engine does not answer), `end` when access was lost, with a reason when the server stops. Begins with the last 500 lines, and anew when the agent starts.',
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'A stream of events', schema: { type: 'string' } })
  @Refuses({
    400: 'follow is neither true nor false',
    404: 'No such agent, or none of yours',
    503: 'No engine answers',
  })
  async stream(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query() query: LogStreamQuery,
    @Gone() gone: AbortSignal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AsyncGenerator<string>> {
    const agent = await this.access.agent(who, { slug: name }, 'view');
    const once = query.follow === 'false' ? await this.logs.tail(who, name, tailLines) : null;
    const signal = this.lasting.hold(who, agent.id, gone);
    const items = once === null ? this.followers.follow(agent, signal) : now(once);
    asEventStream(reply);
    return eventStream(items, logEvent, { signal, reply });
  }
}

/** What there is, and no more. */
async function* now(text: string): AsyncGenerator<LogItem, void, undefined> {
  yield await Promise.resolve<LogItem>({ type: 'start' });
  if (text !== '') yield { type: 'text', text };
}
