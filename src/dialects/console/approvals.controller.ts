import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { Invalid } from '../../core/errors/domain-error.js';
import type { QuestionAnswer } from '../../core/sessions/request.rules.js';
import { Requests } from '../../core/sessions/requests.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { AnswerBody, ApprovalView, DecisionBody, QuestionView } from './approvals.dto.js';

@ApiTags('Approvals and questions')
@Controller()
export class ConsoleApprovalsController {
  constructor(private readonly requests: Requests) {}

  @Get('approvals')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'Open approvals of all your agents, oldest first' })
  @ApiOkResponse({ type: [ApprovalView] })
  @Refuses()
  async approvals(@Who() who: Principal): Promise<ApprovalView[]> {
    return (await this.requests.pending(who, 'approval')).map((pending) => ApprovalView.of(pending));
  }

  @Get('approvals/:id')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'One approval, also after it was answered' })
  @ApiOkResponse({ type: ApprovalView })
  @Refuses({ 404: 'No such request, or none of yours' })
  async approval(@Who() who: Principal, @Param('id') id: string): Promise<ApprovalView> {
    return ApprovalView.of(await this.requests.get(who, 'approval', id));
  }

  @Post('approvals/:id/answer')
  @Requires('approvals:answer')
  @ApiOperation({
    summary: 'Allow once, allow this pattern always, or reject',
    description:
      'The first answer counts. A rejected agent goes on with its turn as it can. With a message, what else waits in the ' +
      'conversation is rejected too, and the message is what the agent is told next.',
  })
  @ApiBody({
    type: DecisionBody,
    examples: {
      allow: { value: { decision: 'allow' } },
      reject: { value: { decision: 'reject', message: 'Use pnpm, not npm.' } },
    },
  })
  @ApiOkResponse({ type: ApprovalView })
  @Refuses({
    400: 'The body is wrong',
    403: 'The agent is shared with you for looking only',
    404: 'No such request, or none of yours',
    409: 'It was answered before, or waits no more',
  })
  async decide(@Who() who: Principal, @Param('id') id: string, @Body() body: DecisionBody): Promise<ApprovalView> {
    const message = body.message?.trim() ?? '';
    if (message !== '' && body.decision !== 'reject') {
      throw new Invalid('A message goes with `reject` only', [], 'message_without_reject');
    }
    await this.requests.decide(who, id, body.decision, message === '' ? null : { message });
    return ApprovalView.of(await this.requests.get(who, 'approval', id));
  }

  @Get('questions')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'Open questions of all your agents, oldest first' })
  @ApiOkResponse({ type: [QuestionView] })
  @Refuses()
  async questions(@Who() who: Principal): Promise<QuestionView[]> {
    return (await this.requests.pending(who, 'question')).map((pending) => QuestionView.of(pending));
  }

  @Get('questions/:id')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'One question, also after it was answered' })
  @ApiOkResponse({ type: QuestionView })
  @Refuses({ 404: 'No such request, or none of yours' })
  async question(@Who() who: Principal, @Param('id') id: string): Promise<QuestionView> {
    return QuestionView.of(await this.requests.get(who, 'question', id));
  }

  @Post('questions/:id/answer')
  @Requires('approvals:answer')
  @ApiOperation({ summary: 'Answer a question, or decline it', description: 'The first answer counts.' })
  @ApiOkResponse({ type: QuestionView })
  @Refuses({
    400: 'The body is wrong',
    403: 'The agent is shared with you for looking only',
    404: 'No such request, or none of yours',
    409: 'It was answered before, or waits no more',
  })
  async answer(@Who() who: Principal, @Param('id') id: string, @Body() body: AnswerBody): Promise<QuestionView> {
    await this.requests.answer(who, id, answersOf(body.answers ?? null));
    return QuestionView.of(await this.requests.get(who, 'question', id));
  }
}

/** One value or a list of values by key. */
function answersOf(given: Record<string, unknown> | null): QuestionAnswer {
  if (!given) return null;
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      const values: unknown[] = Array.isArray(value) ? value : [value];
      const texts = values.filter((one): one is string => typeof one === 'string' && one !== '');
      if (texts.length !== values.length) {
        throw new Invalid('answers must hold texts', [{ field: 'answers', message: 'must hold texts' }]);
      }
      return [key, texts];
    }),
  );
}
