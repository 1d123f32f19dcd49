import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsObject, IsOptional, IsString, MaxLength } from 'class-validator';
import type { QuestionPayload } from '../../core/sessions/request.rules.js';
import type { PendingRequest } from '../../core/sessions/requests.service.js';

export class DecisionBody {
  @ApiProperty({ enum: ['allow', 'always', 'reject'], example: 'allow' })
  @IsIn(['allow', 'always', 'reject'])
  decision!: 'allow' | 'always' | 'reject';

  @ApiPropertyOptional({ description: 'With `reject`: said to the agent as your next message' })
  @IsOptional()
  @IsString()
  @MaxLength(100_000)
  message?: string;
}

export class AnswerBody {
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

class RequestView {
  @ApiProperty() id!: string;
  @ApiProperty() agent!: string;
  @ApiProperty({ enum: ['open', 'answering', 'answered', 'expired', 'cancelled'] }) state!: string;
  @ApiProperty() session_id!: string;
  @ApiProperty({ type: 'string', nullable: true }) turn_id!: string | null;
  @ApiProperty() created_at!: string;
  @ApiProperty() expires_at!: string;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) answer!: Record<string, unknown> | null;

  static common({ request, agent }: PendingRequest): RequestView {
    return {
      id: request.id,
      agent: agent.slug,
      state: request.state,
      session_id: request.sessionId,
      turn_id: request.turnId,
      created_at: request.createdAt.toISOString(),
      expires_at: request.expiresAt.toISOString(),
      answer: request.answer,
    };
  }
}

export class ApprovalView extends RequestView {
  @ApiProperty({ example: 'Write hello.txt' }) title!: string;
  @ApiProperty({ example: 'edit' }) kind!: string;
  @ApiProperty({ description: 'The exact call', nullable: true, type: 'object', additionalProperties: true })
  input!: unknown;
  @ApiProperty({
    type: 'array',
    items: { type: 'object', additionalProperties: true },
    description: 'Diffs and texts shown with it',
  })
  content!: unknown;
  @ApiProperty({ type: 'string', nullable: true, description: 'What `always` would allow from now on' })
  pattern!: string | null;

  static of(pending: PendingRequest): ApprovalView {
    const { payload, pattern } = pending.request;
    const { title, kind, input, content } = payload;
    return { ...RequestView.common(pending), title: String(title), kind: String(kind), input, content, pattern };
  }
}

export class OptionView {
  @ApiProperty({ example: 'postgresql', description: 'What an answer holds' }) value!: string;
  @ApiProperty({ example: 'PostgreSQL' }) label!: string;
  @ApiProperty({ type: 'string', nullable: true }) description!: string | null;
}

export class AskedView {
  @ApiProperty({ example: 'question_0', description: 'Under which an answer is given' }) key!: string;
  @ApiProperty({ example: 'Which database should I use?' }) text!: string;
  @ApiProperty({ type: 'string', nullable: true }) header!: string | null;
  @ApiProperty({ type: [OptionView] }) options!: readonly OptionView[];
  @ApiProperty({ description: 'May several be chosen?' }) multiple!: boolean;
  @ApiProperty({ description: 'May the answer be none of the options?' }) free_text!: boolean;
}

export class QuestionView extends RequestView {
  @ApiProperty({ example: 'Which database should I use?' }) message!: string;
  @ApiProperty({ type: [AskedView] }) questions!: AskedView[];

  static of(pending: PendingRequest): QuestionView {
    const { message, questions } = pending.request.payload as unknown as QuestionPayload;
    const asked = questions.map(({ freeText, ...rest }) => ({ ...rest, free_text: freeText }));
    return { ...RequestView.common(pending), message, questions: asked };
  }
}

export class SettingsBody {
  @ApiProperty({ enum: ['ask', 'auto'], example: 'ask' })
  @IsIn(['ask', 'auto'])
  approvals!: 'ask' | 'auto';
}

export class SettingsView {
  @ApiProperty() agent!: string;
  @ApiProperty({ enum: ['ask', 'auto'] }) approvals!: string;
  @ApiProperty({ description: 'With autonomy on nothing is asked, whatever `approvals` says' }) autonomy!: boolean;
  @ApiProperty({ type: 'array', items: { type: 'string' } }) always_allowed!: string[];
}
