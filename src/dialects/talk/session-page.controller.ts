import { Controller, Get, Headers, Param, Query, Req, Res, UseGuards } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { NotFound } from '../../core/errors/domain-error.js';
import { LinkFeed } from '../../core/links/link-feed.service.js';
import { Links, type SessionLink } from '../../core/links/links.service.js';
import { History } from '../../core/sessions/history.service.js';
import { Public } from '../../platform/http/access.js';
import { asEventStream, eventStream } from '../../platform/http/server-sent-events.js';
import { Gone } from '../../platform/http/streams.js';
import { WebPages } from '../../platform/http/web-pages.js';
import { feedEvent, placeOf } from './feed.words.js';
import { Linked, SessionLinkGuard } from './link.guard.js';
import { sendPage } from './page.js';
import { aCapability, FollowQuery, MessagesQuery, MessagesView, Refuses, SessionStateView } from './talk.dto.js';

/** The address of a conversation: its page, and what the page shows. */
@ApiTags('Session page')
@Controller('s/:capability')
@ApiParam(aCapability)
export class SessionPageController {
  constructor(
    private readonly links: Links,
    private readonly pages: WebPages,
    private readonly feed: LinkFeed,
    private readonly history: History,
  ) {}

  @Get()
  @Public()
  @ApiOperation({ summary: 'The page of a conversation, for a frame or a window of its own' })
  @ApiProduces('text/html')
  @ApiOkResponse({ description: 'A page', schema: { type: 'string' } })
  @Refuses()
  page(
    @Param('capability') capability: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return sendPage({ request, reply }, this.pages, () => this.links.session(capability));
  }

  @Get('state')
  @Public()
  @UseGuards(SessionLinkGuard)
  @ApiOperation({ summary: 'How the agent and the conversation are now' })
  @ApiOkResponse({ type: SessionStateView })
  @Refuses()
  state(@Linked() link: SessionLink): SessionStateView {
    return SessionStateView.of(link);
  }

  @Get('messages')
  @Public()
  @UseGuards(SessionLinkGuard)
  @ApiOperation({ summary: 'What was said in this conversation, oldest first' })
  @ApiOkResponse({ type: MessagesView })
  @Refuses()
  async messages(@Linked() { session }: SessionLink, @Query() query: MessagesQuery): Promise<MessagesView> {
    // Whoever asks for another conversation shall not be shown this one as if it were that.
    if (query.sessionId !== undefined && !isSame(query.sessionId, session.id)) {
      throw new NotFound('session', 'not the one of this address');
    }
    return MessagesView.of(await this.history.messages(session));
  }

  @Get('stream')
  @Public()
  @UseGuards(SessionLinkGuard)
  @ApiOperation({
    summary: 'Follow the conversation',
    description:
      'Server-sent events: `state` tells how agent and conversation are (`gone`: deleted, nothing follows), `waiting` all that waits for an ' +
      'answer, `session` where the conversation begins, `event` a stored, numbered event, `delta` a piece of text on its way: message id and ' +
      'character offset. The stored event with that message id replaces its deltas. Go on after a cut with `Last-Event-ID`.',
  })
  @ApiHeader({ name: 'last-event-id', required: false, description: 'The id of the last event you have' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'A stream of events', schema: { type: 'string' } })
  @Refuses({ 400: 'follow is neither true nor false', 429: 'Too many follow this conversation at once' })
  stream(
    @Linked() link: SessionLink,
    @Query() query: FollowQuery,
    @Headers('last-event-id') seen: string | undefined,
    @Gone() signal: AbortSignal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): AsyncGenerator<string> {
    const since = placeOf(seen, link.session.id);
    const items = this.feed.follow(link, { since, follow: query.follow !== 'false', signal });
    asEventStream(reply);
    return eventStream(items, feedEvent, { signal, reply });
  }
}

/** Other APIs write the same id with a prefix, or without dashes. */
const isSame = (given: string, id: string): boolean =>
  given.replace(/^ses_/, '').replaceAll('-', '') === id.replaceAll('-', '');
