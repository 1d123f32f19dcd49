import { Body, Controller, Param, Post, UseGuards } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { LinkTalk } from '../../core/links/link-talk.service.js';
import type { SessionLink } from '../../core/links/links.service.js';
import { Public } from '../../platform/http/access.js';
import { Linked, SessionLinkGuard } from './link.guard.js';
import {
  aCapability,
  AnsweredView,
  AnswersBody,
  answersOf,
  DecisionBody,
  MessageBody,
  Refuses,
  SentView,
  StoppedView,
} from './talk.dto.js';

/** What a visitor may do in the conversation of an address. */
@ApiTags('Session page')
@Controller('s/:capability')
@ApiParam(aCapability)
@UseGuards(SessionLinkGuard)
export class SessionTalkController {
  constructor(private readonly talk: LinkTalk) {}

  @Post('messages')
  @Public()
  @ApiOperation({ summary: 'Say something', description: 'Answers at once; the stream tells what comes of it.' })
  @ApiBody({ type: MessageBody, examples: { hello: { value: { message: 'Hello. <<say Hi there>>' } } } })
  @ApiOkResponse({ type: SentView })
  @Refuses({
    400: 'The message is empty or too long, or the agent is not running',
    429: 'Too many messages wait already',
  })
  async send(@Linked() link: SessionLink, @Body() body: MessageBody): Promise<SentView> {
    const { turn, ahead } = await this.talk.send(link, body.message);
    return { sent: true, turn_id: turn.id, ahead };
  }

  @Post('stop')
  @Public()
  @ApiOperation({
    summary: 'Stop what the agent does in this conversation',
    description: 'What waits ends at once, what is worked on when the runtime has stopped. Nothing to stop is success.',
  })
  @ApiOkResponse({ type: StoppedView })
  @Refuses()
  async stop(@Linked() link: SessionLink): Promise<StoppedView> {
    return { stopped: await this.talk.stop(link) };
  }

  @Post('approvals/:id')
  @Public()
  @ApiParam({ name: 'id', description: 'Of an approval in `waiting` of the stream' })
  @ApiOperation({
    summary: 'Allow once, allow this pattern always, or reject',
    description:
      'The first answer counts. `reject` rejects what else waits in the conversation and ends the turn; with a message the ' +
      'agent goes on and is told why.',
  })
  @ApiBody({
    type: DecisionBody,
    examples: {
      allow: { value: { decision: 'allow' } },
      reject: { value: { decision: 'reject', message: 'Use pnpm, not npm.' } },
    },
  })
  @ApiOkResponse({ type: AnsweredView })
  @Refuses({ 400: 'The body is wrong', 409: 'It was answered before, or waits no more' })
  async decide(
    @Linked() link: SessionLink,
    @Param('id') id: string,
    @Body() body: DecisionBody,
  ): Promise<AnsweredView> {
    await this.talk.decide(link, id, body.decision, body.message ?? null);
    return { answered: true };
  }

  @Post('questions/:id')
  @Public()
  @ApiParam({ name: 'id', description: 'Of a question in `waiting` of the stream' })
  @ApiOperation({ summary: 'Answer a question, or decline it', description: 'The first answer counts.' })
  @ApiBody({
    type: AnswersBody,
    examples: { choose: { value: { answers: { question_0: ['PostgreSQL'] } } }, decline: { value: { answers: null } } },
  })
  @ApiOkResponse({ type: AnsweredView })
  @Refuses({ 400: 'The body is wrong', 409: 'It was answered before, or waits no more' })
  async answer(@Linked() link: SessionLink, @Param('id') id: string, @Body() body: AnswersBody): Promise<AnsweredView> {
    await this.talk.answer(link, id, answersOf(body.answers ?? null));
    return { answered: true };
  }
}
