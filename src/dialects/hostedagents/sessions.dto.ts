import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { NotFound } from '../../core/errors/domain-error.js';
import { SessionView } from './agents.dto.js';
import { ownNamedIdOf } from './words.js';

export class OpenSessionBody {
  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 200, example: 'Refactoring' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  @Matches(/^[^\0]*$/, { message: 'title must not contain NUL characters' })
  title?: string | null;
}

export class SessionsView {
  @ApiProperty({ type: [SessionView] }) sessions!: SessionView[];
}

export class AbortBody {
  @ApiPropertyOptional({ type: String, nullable: true, description: 'Left out: all sessions of the agent' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  sessionId?: string | null;
}

export class AbortView {
  @ApiProperty() agentId!: string;
  @ApiPropertyOptional({ example: 'ses_5b1c0b1e1f434f579c550d2f2f5b1c9e' }) sessionId?: string;
  @ApiProperty({
    type: [String],
    description: 'The sessions that had something to cancel; `true` instead when one was named',
    example: ['ses_5b1c0b1e1f434f579c550d2f2f5b1c9e'],
  })
  aborted!: true | string[];
}

/** The id of a session as the server knows it. Throws `NotFound` for what cannot be one. */
export function sessionIdOf(publicId: string): string {
  const id = ownNamedIdOf('session', publicId);
  if (id === null) throw new NotFound('session', 'no such id');
  return id;
}
