import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, ApiResponse } from '@nestjs/swagger';
import { IsIn, IsNotEmpty, IsObject, IsOptional, IsString, MaxLength } from 'class-validator';
import { Invalid } from '../../core/errors/domain-error.js';
import type { AgentLink, SessionLink } from '../../core/links/links.service.js';
import type { Message } from '../../core/sessions/history.service.js';
import type { QuestionAnswer } from '../../core/sessions/request.rules.js';
import { type PageState, stateOf } from './words.js';

export const aCapability = {
  name: 'capability',
  description: 'The last part of the address, which carries the access',
  example: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
};

export class AgentStateView {
  @ApiProperty({ example: 'Build agent' }) name!: string;
  @ApiProperty({ enum: ['starting', 'running', 'stopped', 'failed'] }) state!: PageState;

  static of({ agent, state }: AgentLink): AgentStateView {
    return { name: agent.displayName || agent.slug, state: stateOf(state) };
  }
}

export class SessionStateView extends AgentStateView {
  @ApiProperty({ type: 'string', nullable: true }) title!: string | null;

  static override of(link: SessionLink): SessionStateView {
    return { ...AgentStateView.of(link), title: link.session.title };
  }
}

export class MessagesQuery {
  @ApiPropertyOptional({ description: 'Any other conversation than the one of this address: 404' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  sessionId?: string;
}

export class FollowQuery {
  @ApiPropertyOptional({ enum: ['true', 'false'], description: '`false`: what there is, then the end' })
  @IsOptional()
  @IsIn(['true', 'false'], { message: 'must be true or false' })
  follow?: string;
}

export class SaidView {
  @ApiProperty() id!: string;
  @ApiProperty({ enum: ['user', 'assistant'] }) role!: string;
  @ApiProperty() text!: string;
  @ApiProperty() at!: string;
}

export class MessagesView {
  @ApiProperty({ type: [SaidView] }) messages!: SaidView[];

  static of(messages: readonly Message[]): MessagesView {
    return { messages: messages.map(({ id, role, text, at }) => ({ id, role, text, at: at.toISOString() })) };
  }
}

export class MessageBody {
  @ApiProperty({ example: 'Hello. <<say Hi there>>', maxLength: 100_000 })
  @IsString()
  @IsNotEmpty()
  message!: string;
}

export class SentView {
  @ApiProperty({ example: true }) sent!: boolean;
  @ApiProperty() turn_id!: string;
  @ApiProperty({ description: 'Messages before it, the one that is worked on included' }) ahead!: number;
}

export class StoredView {
  @ApiProperty({ example: 'spec.pdf' }) name!: string;
  @ApiProperty({ description: 'Where the agent finds it', example: '/workspace/uploads/spec.pdf' }) path!: string;
  @ApiProperty() size!: number;
}

export class StoppedView {
  @ApiProperty({ description: 'Messages that were worked on or waited', example: 1 }) stopped!: number;
}

export class DecisionBody {
  @ApiProperty({ enum: ['allow', 'always', 'reject'], example: 'allow' })
  @IsIn(['allow', 'always', 'reject'])
  decision!: 'allow' | 'always' | 'reject';

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    description: 'With `reject`: said to the agent as your next message',
  })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  message?: string | null;
}

export class AnswersBody {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'array', items: { type: 'string' } },
    nullable: true,
    description: 'Chosen values or free text by question key. Left out: the question is declined.',
    example: { question_0: ['PostgreSQL'] },
  })
  @IsOptional()
  @IsObject()
  answers?: Record<string, unknown> | null;
}

export class AnsweredView {
  @ApiProperty({ example: true }) answered!: boolean;
}

export class RefusalView {
  @ApiProperty({ example: 'There is nothing here' }) error!: string;
  @ApiProperty({ example: 'not_found' }) code!: string;
}

/** Documents the errors of an operation, by status. */
export function Refuses(answers: Readonly<Record<number, string>> = {}): MethodDecorator & ClassDecorator {
  const all = { 404: 'The address leads nowhere, to what was deleted, or gives no right to this', ...answers };
  return applyDecorators(
    ...Object.entries(all).map(([status, description]) =>
      ApiResponse({ status: Number(status), description, type: RefusalView }),
    ),
  );
}

/** One value or a list of values by key. */
export function answersOf(given: Record<string, unknown> | null): QuestionAnswer {
  if (!given) return null;
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      const values: unknown[] = Array.isArray(value) ? value : [value];
      const texts = values.filter((one): one is string => typeof one === 'string' && one !== '');
      if (texts.length !== values.length || texts.some((text) => text.length > 10_000)) {
        const message = 'must hold texts of at most 10,000 characters';
        throw new Invalid(`answers ${message}`, [{ field: 'answers', message, place: 'body' }]);
      }
      return [key, texts];
    }),
  );
}
