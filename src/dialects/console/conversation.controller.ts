import { Body, Controller, Get, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Access } from '../../core/access/access.service.js';
import type { Principal } from '../../core/access/principal.js';
import { LastingAccess } from '../../core/accounts/lasting-access.service.js';
import { History } from '../../core/sessions/history.service.js';
import { Prompts } from '../../core/sessions/prompts.service.js';
import { type SeenUpTo, SessionWatch } from '../../core/sessions/session-watch.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { asEventStream, eventStream } from '../../platform/http/server-sent-events.js';
import { Gone } from '../../platform/http/streams.js';
import { MessageBody } from '../shared/message.dto.js';
import { Refuses } from './answers.dto.js';
import { AcceptedView, CancelledView, conversationEvent, StreamQuery } from './conversation.dto.js';

/** Messages that may wait while one is worked on. */
const queueLimit = 10;

const absent = { 404: 'No such agent, or none of yours' };

@ApiTags('Conversations')
@Controller()
export class ConsoleConversationController {
  constructor(
    private readonly access: Access,
    private readonly lasting: LastingAccess,
    private readonly history: History,
    private readonly prompts: Prompts,
    private readonly watch: SessionWatch,
  ) {}

  @Get('agents/:name/stream')
  @Requires('sessions:read')
  @ApiParam({ name: 'name', example: 'hello' })
  @ApiOperation({
    summary: 'Follow your conversation with an agent',
    description:
      'Server-sent events: `session` says which conversation follows, `event` is a stored, numbered event, `delta` a piece of ' +
      'text on its way: message id and character offset. The stored event with that message id replaces its deltas. ' +
      '`end` is the last one when access was lost, and with a reason when the server stops. Go on with `Last-Event-ID`.',
  })
  @ApiHeader({ name: 'last-event-id', required: false, description: 'The id of the last event you have' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'A stream of events', schema: { type: 'string' } })
  @Refuses({ ...absent, 400: 'follow is neither true nor false', 403: "Somebody else's conversation" })
  async stream(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query() query: StreamQuery,
    @Headers('last-event-id') seen: string | undefined,
    @Gone() gone: AbortSignal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AsyncGenerator<string>> {
    const agent = await this.access.agent(who, { slug: name }, 'view');
    const session = query.session === undefined ? null : await this.history.session(who, agent, query.session);
    const signal = this.lasting.hold(who, agent.id, gone);
    const options = { session, since: placeOf(seen), follow: query.follow !== 'false', signal };
    asEventStream(reply);
    return eventStream(this.watch.follow(who, agent, options), conversationEvent, { signal, reply });
  }

  @Post('agents/:name/messages')
  @Requires('sessions:write')
  @ApiParam({ name: 'name', example: 'hello' })
  @ApiOperation({
    summary: 'Say something to an agent',
    description: 'Answers at once; the stream tells what comes of it.',
  })
  @ApiBody({
    type: MessageBody,
    examples: { hello: { value: { message: 'Create hello.txt. <<write hello.txt hi>>' } } },
  })
  @ApiOkResponse({ type: AcceptedView })
  @Refuses({
    ...absent,
    400: 'The message is empty, too long or holds a NUL character',
    403: 'The agent is shared with you for looking only',
    429: 'Too many messages wait already',
    503: 'The agent is not running',
  })
  async send(@Who() who: Principal, @Param('name') name: string, @Body() body: MessageBody): Promise<AcceptedView> {
    const agent = await this.access.agent(who, { slug: name }, 'operate');
    const prompt = { text: body.message, queueLimit, ...(body.model ? { model: body.model } : {}) };
    return AcceptedView.of(await this.prompts.send(who, agent, prompt));
  }

  @Post('turns/:id/cancel')
  @Requires('sessions:write')
  @ApiOperation({
    summary: 'Stop what an agent does about a message',
    description:
      'One that waits ends at once, one that is worked on when the runtime has stopped. Over already is success.',
  })
  @ApiOkResponse({ type: CancelledView })
  @Refuses({ 403: 'The agent is shared with you for looking only', 404: 'No such message, or of none of your agents' })
  async cancel(@Who() who: Principal, @Param('id') id: string): Promise<CancelledView> {
    await this.prompts.cancel(who, id);
    return { status: 'cancelling', turn_id: id };
  }
}

/** `<session>:<number>`; anything else is no place, and everything is sent. */
function placeOf(id: string | undefined): SeenUpTo | null {
  const [, sessionId, seq] = /^([\w-]{1,100}):(\d{1,9})$/.exec(id ?? '') ?? [];
  return sessionId === undefined ? null : { sessionId, seq: Number(seq) };
}
