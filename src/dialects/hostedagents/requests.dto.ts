import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Allow, IsOptional, IsString, MaxLength } from 'class-validator';
import { Invalid } from '../../core/errors/domain-error.js';
import type { AgentRequest } from '../../core/sessions/agent-request.entity.js';
import type {
  ApprovalDecision,
  ApprovalPayload,
  QuestionAnswer,
  QuestionPayload,
} from '../../core/sessions/request.rules.js';
import { messageIdOf } from './messages.dto.js';
import { namedIdOf } from './words.js';

/** What this API calls kinds of tools. */
const permissions: Readonly<Record<string, string>> = {
  execute: 'bash',
  delete: 'edit',
  move: 'edit',
  fetch: 'webfetch',
  search: 'grep',
};

export class ToolPlaceView {
  @ApiProperty() messageID!: string;
  @ApiProperty() callID!: string;
}

export class PermissionView {
  @ApiProperty({ example: 'per_5b1c0b1e1f434f579c550d2f2f5b1c9e' }) id!: string;
  @ApiProperty() sessionId!: string;
  @ApiProperty({ example: 'bash' }) permission!: string;
  @ApiProperty({ type: [String], example: ['npm install express'] }) patterns!: string[];
  @ApiProperty({ type: [String], example: ['npm install express'], description: 'What `always` would allow' })
  always!: string[];
  @ApiProperty({ type: 'object', additionalProperties: true, example: { command: 'npm install express' } })
  metadata!: Record<string, unknown>;
  @ApiProperty({ type: ToolPlaceView, nullable: true }) tool!: ToolPlaceView | null;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) createdAt!: string;

  static of({ id, sessionId, turnId, payload, pattern, createdAt }: AgentRequest): PermissionView {
    const { title, kind, input, content, toolCallId } = payload as unknown as ApprovalPayload;
    const fields = typeof input === 'object' && input !== null && !Array.isArray(input) ? input : { input };
    const exact = pattern?.startsWith(`${kind}: `) ? pattern.slice(kind.length + 2) : pattern;
    const messageID = turnId && messageIdOf({ turnId, role: 'assistant' });
    return {
      id: namedIdOf('approval', id),
      sessionId: namedIdOf('session', sessionId),
      permission: permissions[kind] ?? kind,
      patterns: [exact ?? title],
      always: exact === null ? [] : [exact],
      metadata: { ...fields, title, ...(content.length > 0 ? { content } : {}) },
      tool: messageID && toolCallId !== null ? { messageID, callID: toolCallId } : null,
      createdAt: createdAt.toISOString(),
    };
  }
}

export class PermissionsView {
  @ApiProperty({ type: [PermissionView] }) permissions!: PermissionView[];
}

const replies: Readonly<Record<string, ApprovalDecision>> = { once: 'allow', always: 'always', reject: 'reject' };

export class PermissionReplyBody {
  @ApiProperty({ enum: Object.keys(replies), example: 'once' })
  @Allow()
  reply!: unknown;

  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 10_000, description: 'With `reject`: why' })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  message?: string | null;
}

export class PermissionRepliedView {
  @ApiProperty({ example: true }) replied!: true;
  @ApiProperty({ enum: Object.keys(replies), example: 'once' }) reply!: string;
}

export function decisionOf({ reply }: PermissionReplyBody): { reply: string; decision: ApprovalDecision } {
  const decision = typeof reply === 'string' && Object.hasOwn(replies, reply) ? replies[reply] : undefined;
  if (!decision) throw new Invalid('reply must be once, always or reject', [], 'invalid_reply', { field: 'reply' });
  return { reply: String(reply), decision };
}

export class OptionView {
  @ApiProperty({ example: 'SQLite' }) label!: string;
  @ApiProperty({ example: 'one file' }) description!: string;
}

export class AskedView {
  @ApiProperty({ example: 'Which database?' }) question!: string;
  @ApiProperty({ example: 'Database' }) header!: string;
  @ApiProperty({ type: [OptionView] }) options!: OptionView[];
  @ApiProperty({ example: false }) multiSelect!: boolean;
  @ApiPropertyOptional({ description: '`false`: only what is offered may be answered' }) custom?: false;
}

export class QuestionView {
  @ApiProperty({ example: 'q_5b1c0b1e1f434f579c550d2f2f5b1c9e' }) id!: string;
  @ApiProperty() sessionId!: string;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) createdAt!: string;
  @ApiProperty({ type: [AskedView] }) questions!: AskedView[];

  static of({ id, sessionId, payload, createdAt }: AgentRequest): QuestionView {
    const { questions, message, bridged } = payload as unknown as QuestionPayload;
    // A form that asks one thing names its field, and asks above it.
    const alone = !bridged && questions.length === 1;
    return {
      id: namedIdOf('question', id),
      sessionId: namedIdOf('session', sessionId),
      createdAt: createdAt.toISOString(),
      questions: questions.map(({ text, header, options, multiple, freeText }) => ({
        question: alone ? message : text,
        header: header ?? text.slice(0, 30),
        options: options.map(({ label, description }) => ({ label, description: description ?? '' })),
        multiSelect: multiple,
        ...(freeText ? {} : { custom: false as const }),
      })),
    };
  }
}

export class QuestionsView {
  @ApiProperty({ type: [QuestionView] }) questions!: QuestionView[];
}

export class QuestionReplyBody {
  @ApiProperty({
    type: 'array',
    items: { type: 'array', items: { type: 'string' } },
    example: [['SQLite']],
    description: 'One list per question, in their order; several labels only where `multiSelect` is true',
  })
  @Allow()
  answers!: unknown;
}

export class RepliedView {
  @ApiProperty({ example: true }) replied!: true;
}

export class RejectedView {
  @ApiProperty({ example: true }) rejected!: true;
}

const badAnswers = (why: string): Invalid => new Invalid(why, [], 'invalid_answers', { field: 'answers' });

/** `answers` as a list, before the question is looked for. */
export function listOf({ answers }: QuestionReplyBody): readonly unknown[] {
  if (!Array.isArray(answers)) throw badAnswers('answers must be a list with one list per question');
  return answers;
}

/** Labels by question, in the server's own words. An empty list leaves a question open. */
export function answersTo({ payload }: AgentRequest, answers: readonly unknown[]): NonNullable<QuestionAnswer> {
  const { questions } = payload as unknown as QuestionPayload;
  if (answers.length !== questions.length) {
    throw badAnswers(`answers must hold ${questions.length} lists, one per question`);
  }
  return Object.fromEntries(
    questions.map(({ key, options, multiple }, place) => {
      const given: unknown = answers[place];
      if (!Array.isArray(given) || !given.every((one): one is string => typeof one === 'string')) {
        throw badAnswers('Each answer must be a list of texts');
      }
      const values = given.map((text) => options.find(({ label }) => label === text)?.value ?? text);
      // One answer given twice is two answers, which a question for one does not take.
      return [key, multiple ? [...new Set(values)] : values];
    }),
  );
}
