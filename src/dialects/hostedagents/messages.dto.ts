import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import type { Turn } from '../../core/sessions/turn.entity.js';
import type { MessagePlace } from '../../core/sessions/transcripts.service.js';
import type { TranscriptMessage, TranscriptPart } from '../../core/sessions/transcript.fold.js';
import { TokensView } from './usage.dto.js';
import { idWords, namedIdOf, ownNamedIdOf } from './words.js';

export class SendBody {
  @ApiProperty({ example: 'List the files', maxLength: 100_000 })
  @IsString()
  @Matches(/\S/, { message: 'message must not be blank' })
  @MaxLength(100_000)
  message!: string;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'Left out: a new session' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  sessionId?: string | null;
}

export class SentView {
  @ApiProperty({ example: 'ses_5b1c0b1e1f434f579c550d2f2f5b1c9e' }) sessionId!: string;
  @ApiProperty({ example: true }) sent!: true;
}

export class MessagesQuery {
  @ApiPropertyOptional({ description: 'Left out: messages of all sessions' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  sessionId?: string;

  @ApiPropertyOptional({
    minimum: 1,
    maximum: 500,
    description: 'The newest that many, also of those that follow `after`; left out: all',
  })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(500)
  limit?: number;

  @ApiPropertyOptional({ description: 'Id of a message: only what follows it' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  after?: string;
}

export class TimeView {
  @ApiProperty({ example: 1767225600000 }) created!: number;
  @ApiPropertyOptional({ example: 1767225604000 }) completed?: number;
}

export class PathView {
  @ApiProperty({ example: '/workspace' }) cwd!: string;
  @ApiProperty({ example: '/workspace' }) root!: string;
}

export class MessageErrorView {
  @ApiProperty({ enum: ['MessageAbortedError', 'UnknownError'] }) name!: string;
  @ApiProperty({ type: 'object', properties: { message: { type: 'string' } } }) data!: { message: string };
}

export class MessageInfoView {
  @ApiProperty() id!: string;
  @ApiProperty() sessionID!: string;
  @ApiProperty({ enum: ['user', 'assistant'] }) role!: string;
  @ApiProperty({ type: TimeView }) time!: TimeView;
  @ApiPropertyOptional({ description: 'The message it answers' }) parentID?: string;
  @ApiPropertyOptional() modelID?: string;
  @ApiPropertyOptional() providerID?: string;
  @ApiPropertyOptional() mode?: string;
  @ApiPropertyOptional() agent?: string;
  @ApiPropertyOptional({ type: PathView }) path?: PathView;
  @ApiPropertyOptional({ description: 'US dollars, as the runtime reports it' }) cost?: number;
  @ApiPropertyOptional({ type: TokensView }) tokens?: TokensView;
  @ApiPropertyOptional({ example: 'stop' }) finish?: string;
  @ApiPropertyOptional({ type: MessageErrorView, description: 'Of a question: it was dropped before its turn came' })
  error?: MessageErrorView;
}

export class MessageView {
  @ApiProperty({ example: 'msg_5b1c0b1e1f434f579c550d2f2f5b1c9e0' }) id!: string;
  @ApiProperty() sessionId!: string;
  @ApiProperty({ enum: ['user', 'assistant'] }) role!: string;
  @ApiProperty({ description: 'Its visible text' }) text!: string;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) createdAt!: string;
  @ApiProperty({ type: String, nullable: true }) completedAt!: string | null;
  @ApiProperty({ type: MessageInfoView }) info!: MessageInfoView;
  @ApiProperty({
    type: 'array',
    items: { type: 'object', additionalProperties: true },
    description: 'What it consists of: `text`, `reasoning`, `tool` (with its state), `step-start`, `step-finish`',
    example: [{ id: 'prt_5b1c', type: 'text', text: 'List the files' }],
  })
  parts!: Record<string, unknown>[];

  /** @param model `provider/model` of the agent, for turns that name none */
  static of(message: TranscriptMessage, model: string): MessageView {
    const { turn, role, at, completedAt, text, parts } = message;
    const id = messageIdOf({ turnId: turn.id, role });
    const sessionId = namedIdOf('session', turn.sessionId);
    const about = { id, sessionID: sessionId, role };
    const time = { created: at.getTime(), ...(completedAt ? { completed: completedAt.getTime() } : {}) };
    return {
      id,
      sessionId,
      role,
      text,
      createdAt: at.toISOString(),
      completedAt: completedAt?.toISOString() ?? null,
      info: { ...about, time, ...(role === 'user' ? droppedOf(turn) : answerOf(turn, model)) },
      parts: parts.map((part) => ({
        id: `${idWords.part}${turn.id.replaceAll('-', '')}${part.seq.toString(36).padStart(5, '0')}`,
        sessionID: sessionId,
        messageID: id,
        ...partOf(part, turn),
      })),
    };
  }
}

export class MessagesView {
  @ApiProperty() agentId!: string;
  @ApiProperty({ type: String, nullable: true, description: 'Null when all sessions are asked' })
  sessionId!: string | null;
  @ApiProperty({ type: [MessageView] }) messages!: MessageView[];
}

/** A question and its answer share a turn: `0` and `1` at the end tell them apart, and put them in order. */
export const messageIdOf = ({ turnId, role }: MessagePlace): string =>
  `${namedIdOf('message', turnId)}${role === 'user' ? 0 : 1}`;

/** Null: nothing can be called so. */
export function messagePlaceOf(id: string): MessagePlace | null {
  const turnId = ownNamedIdOf('message', id.slice(0, -1));
  const role = id.endsWith('0') ? 'user' : id.endsWith('1') ? 'assistant' : null;
  return turnId === null || role === null ? null : { turnId, role };
}

const place = { cwd: '/workspace', root: '/workspace' };

function answerOf(turn: Turn, model: string): Partial<MessageInfoView> {
  const wanted = turn.model ?? model;
  const cut = wanted.indexOf('/');
  const finish = finishOf(turn);
  const error = errorOf(turn);
  return {
    parentID: messageIdOf({ turnId: turn.id, role: 'user' }),
    providerID: cut < 0 ? (model.split('/')[0] ?? '') : wanted.slice(0, cut),
    modelID: wanted.slice(cut + 1),
    mode: 'build',
    agent: 'build',
    path: place,
    cost: turn.costUsd,
    tokens: TokensView.of(turn),
    ...(finish === null ? {} : { finish }),
    ...(error ? { error } : {}),
  };
}

const finishes: Readonly<Record<string, string>> = { end_turn: 'stop', max_tokens: 'length' };

const finishOf = ({ state, stopReason }: Turn): string | null =>
  state === 'finished' ? (finishes[stopReason ?? 'end_turn'] ?? stopReason) : null;

/** What was cut by a person, a stop or a restart was aborted; what failed by itself says why. */
function errorOf({ state, error }: Turn): MessageErrorView | null {
  if (state === 'cancelled' || state === 'interrupted') {
    return { name: 'MessageAbortedError', data: { message: error ?? 'The message was aborted' } };
  }
  return state === 'failed' ? { name: 'UnknownError', data: { message: error ?? 'The message failed' } } : null;
}

/** A message that nobody will answer says so itself: there is no answer to say it. */
function droppedOf(turn: Turn): { error?: MessageErrorView } {
  const error = turn.startedAt === null && turn.state !== 'failed' ? errorOf(turn) : null;
  return error ? { error } : {};
}

function partOf(part: TranscriptPart, turn: Turn): Record<string, unknown> {
  const start = part.at.getTime();
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return { type: part.type, text: part.text, time: { start } };
    case 'step-start':
      return { type: part.type };
    case 'step-finish':
      return { type: part.type, reason: finishOf(turn) ?? turn.state, cost: turn.costUsd, tokens: TokensView.of(turn) };
    case 'tool': {
      const { callId, tool, state: status, input, title, kind, diffs } = part;
      const time = { start, ...(part.endedAt ? { end: part.endedAt.getTime() } : {}) };
      const outcome = { completed: { output: part.output ?? '' }, error: { error: part.error } };
      const more = status === 'completed' || status === 'error' ? outcome[status] : {};
      const state = { status, input, title: title ?? tool, metadata: { kind, diffs }, time, ...more };
      return { type: part.type, callID: callId, tool, state };
    }
  }
}
