import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import type { Accepted } from '../../core/sessions/turn-intake.service.js';
import type { WatchItem } from '../../core/sessions/session-watch.service.js';
import type { LogItem } from '../../core/instances/log-source.js';
import type { ServerSentEvent } from '../../platform/http/server-sent-events.js';

export class AcceptedView {
  @ApiProperty() session_id!: string;
  @ApiProperty() turn_id!: string;
  @ApiProperty({ description: 'Messages before it, the one that is worked on included' }) ahead!: number;

  static of({ session, turn, ahead }: Accepted): AcceptedView {
    return { session_id: session.id, turn_id: turn.id, ahead };
  }
}

export class CancelledView {
  @ApiProperty({ example: 'cancelling' }) status!: string;
  @ApiProperty() turn_id!: string;
}

export class LogStreamQuery {
  @ApiPropertyOptional({ enum: ['true', 'false'], description: '`false`: what there is, then the end' })
  @IsOptional()
  @IsIn(['true', 'false'], { message: 'must be true or false' })
  follow?: string;
}

export class StreamQuery extends LogStreamQuery {
  @ApiPropertyOptional({ description: 'An earlier conversation, instead of your running one' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  session?: string;
}

/** An item of a conversation as an event of the stream. Only stored events have an id, from which a client goes on. */
export function conversationEvent(item: WatchItem): ServerSentEvent {
  switch (item.type) {
    case 'session': {
      const { session, from } = item;
      const about = session && {
        id: session.id,
        status: session.status,
        title: session.title,
        started_at: session.createdAt.toISOString(),
      };
      return { event: 'session', data: { session: about, from } };
    }
    case 'event': {
      const { sessionId, seq, kind, turnId, data, at } = item.event;
      return {
        event: 'event',
        id: `${sessionId}:${seq}`,
        data: { seq, kind, turn_id: turnId, at: at.toISOString(), data },
      };
    }
    case 'delta': {
      const { messageId, charOffset, text, thought } = item.delta;
      return { event: 'delta', data: { message_id: messageId, offset: charOffset, text, thought } };
    }
    case 'idle':
      return {};
  }
}

/** A piece of a container's output as an event of the stream. */
export function logEvent(item: LogItem): ServerSentEvent {
  if (item.type === 'idle') return {};
  const { type, ...data } = item;
  return { event: type, data };
}
