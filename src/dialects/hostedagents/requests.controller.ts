import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { Conflict, NotFound, Upstream } from '../../core/errors/domain-error.js';
import { AgentReach } from '../../core/instances/agent-reach.service.js';
import type { AgentRequest } from '../../core/sessions/agent-request.entity.js';
import { Requests } from '../../core/sessions/requests.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ForAgent, TheAgent } from './by-id.js';
import {
  answersTo,
  decisionOf,
  listOf,
  PermissionRepliedView,
  PermissionReplyBody,
  PermissionsView,
  PermissionView,
  QuestionReplyBody,
  QuestionsView,
  QuestionView,
  RejectedView,
  RepliedView,
} from './requests.dto.js';
import { ownNamedIdOf } from './words.js';

const silent = { 404: 'No such agent', 400: 'The agent is not running', 502: 'The agent does not respond' };
const question = { ...silent, 502: 'The agent does not respond, or nothing with this id waits for an answer' };

@ApiTags('Permissions and questions')
@Controller('api/v1/agents/:agentId')
export class HostedRequestsController {
  constructor(
    private readonly requests: Requests,
    private readonly reach: AgentReach,
  ) {}

  @Get('permissions')
  @ForAgent('view')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'What the agent waits to be allowed, oldest first' })
  @ApiOkResponse({ type: PermissionsView })
  @Refuses(silent)
  async permissions(@TheAgent() agent: Agent): Promise<PermissionsView> {
    await this.reach.require(agent);
    const open = await this.requests.openOf(agent, 'approval');
    return { permissions: open.map((request) => PermissionView.of(request)) };
  }

  @Post(['permissions/:permissionId/reply', 'permissions/:permissionId'])
  @HttpCode(200)
  @ForAgent('operate')
  @Requires('approvals:answer')
  @ApiParam({ name: 'permissionId', example: 'per_5b1c0b1e1f434f579c550d2f2f5b1c9e' })
  @ApiOperation({
    summary: 'Allow once, always, or reject',
    description:
      '`always` is remembered for the agent, for exactly what was shown. `reject` rejects what else waits in the session, ' +
      'and ends its turn; with a message the agent goes on and is told why.',
  })
  @ApiBody({
    type: PermissionReplyBody,
    examples: {
      once: { value: { reply: 'once' } },
      reject: { value: { reply: 'reject', message: 'Use pnpm, not npm.' } },
    },
  })
  @ApiOkResponse({ type: PermissionRepliedView })
  @Refuses({
    ...silent,
    400: 'A bad reply, or the agent is not running',
    404: 'No such agent, or nothing of this id waits',
  })
  async reply(
    @Who() who: Principal,
    @TheAgent() agent: Agent,
    @Param('permissionId') permissionId: string,
    @Body() body: PermissionReplyBody,
  ): Promise<PermissionRepliedView> {
    const { reply, decision } = decisionOf(body);
    await this.reach.require(agent);
    const { id } = await this.find(who, agent, 'approval', permissionId);
    const message = body.message?.trim() ?? '';
    await this.requests.decide(who, id, decision, { message: message === '' ? null : message }).catch(gone('approval'));
    return { replied: true, reply };
  }

  @Get('questions')
  @ForAgent('view')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'Questions the agent waits to be answered, oldest first' })
  @ApiOkResponse({ type: QuestionsView })
  @Refuses(silent)
  async questions(@TheAgent() agent: Agent): Promise<QuestionsView> {
    await this.reach.require(agent);
    const open = await this.requests.openOf(agent, 'question');
    return { questions: open.map((request) => QuestionView.of(request)) };
  }

  @Post('questions/:questionId/reject')
  @HttpCode(200)
  @ForAgent('operate')
  @Requires('approvals:answer')
  @ApiParam({ name: 'questionId', example: 'q_5b1c0b1e1f434f579c550d2f2f5b1c9e' })
  @ApiOperation({ summary: 'Dismiss a question', description: 'The agent goes on without an answer.' })
  @ApiOkResponse({ type: RejectedView })
  @Refuses(question)
  async reject(
    @Who() who: Principal,
    @TheAgent() agent: Agent,
    @Param('questionId') questionId: string,
  ): Promise<RejectedView> {
    await this.reach.require(agent);
    const { id } = await this.find(who, agent, 'question', questionId).catch(invalidQuestion);
    await this.requests.answer(who, id, null).catch(gone('question')).catch(invalidQuestion);
    return { rejected: true };
  }

  @Post(['questions/:questionId/reply', 'questions/:questionId'])
  @HttpCode(200)
  @ForAgent('operate')
  @Requires('approvals:answer')
  @ApiParam({ name: 'questionId', example: 'q_5b1c0b1e1f434f579c550d2f2f5b1c9e' })
  @ApiOperation({ summary: 'Answer a question', description: 'The agent goes on at once.' })
  @ApiBody({ type: QuestionReplyBody, examples: { one: { value: { answers: [['SQLite']] } } } })
  @ApiOkResponse({ type: RepliedView })
  @Refuses({
    ...question,
    400: 'answers is missing, no list, or does not fit the questions; or the agent is not running',
  })
  async answer(
    @Who() who: Principal,
    @TheAgent() agent: Agent,
    @Param('questionId') questionId: string,
    @Body() body: QuestionReplyBody,
  ): Promise<RepliedView> {
    const answers = listOf(body);
    await this.reach.require(agent);
    const request = await this.find(who, agent, 'question', questionId).catch(invalidQuestion);
    const fitting = answersTo(request, answers);
    await this.requests.answer(who, request.id, fitting).catch(gone('question')).catch(invalidQuestion);
    return { replied: true };
  }

  /** What waits for an answer in this agent. Throws `NotFound` for anything else. */
  private async find(who: Principal, agent: Agent, kind: AgentRequest['kind'], id: string): Promise<AgentRequest> {
    const own = ownNamedIdOf(kind, id);
    if (own === null) throw new NotFound(kind, 'no such id');
    const { request } = await this.requests.get(who, kind, own);
    if (request.agentId !== agent.id || request.state !== 'open') throw new NotFound(kind, id);
    return request;
  }
}

/** What was answered a moment ago is as unknown as what never was (contract 5.2). */
const gone =
  (kind: AgentRequest['kind']) =>
  (error: unknown): never => {
    throw error instanceof Conflict ? new NotFound(kind, 'answered before') : error;
  };

/** The document asks for 502 here (contract 5.4). */
function invalidQuestion(error: unknown): never {
  if (!(error instanceof NotFound)) throw error;
  throw new Upstream('No question with this id waits for an answer', 'question_invalid');
}
