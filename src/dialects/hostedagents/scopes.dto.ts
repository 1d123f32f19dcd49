import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString } from 'class-validator';
import type { GroupMember, SeenGroup } from '../../core/groups/groups.service.js';
import { publicIdOf, type Status, statuses, statusOf } from './words.js';

export class ScopeBody {
  @ApiProperty({ example: 'production', minLength: 1, maxLength: 50, description: 'Letter case makes no difference' })
  @IsString()
  name!: string;
}

const time = { example: '2026-03-26T12:00:00.000Z' };

/** A scope (contract section 6). */
export class ScopeView {
  @ApiProperty({ example: 'c0cj9w5y7ezv3vsbw0j8cq5h2d' }) id!: string;
  @ApiProperty({ example: 'production' }) name!: string;
  @ApiProperty({ example: 1 }) agentCount!: number;
  @ApiProperty({ example: 2 }) secretCount!: number;
  @ApiProperty(time) createdAt!: string;
  @ApiProperty(time) updatedAt!: string;

  static of({ id, createdAt, updatedAt, ...more }: SeenGroup): ScopeView {
    const { name, agentCount, secretCount } = more;
    const times = { createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
    return { id: publicIdOf(id), name, agentCount, secretCount, ...times };
  }
}

export class ScopesView {
  @ApiProperty({ type: [ScopeView] }) scopes!: ScopeView[];
}

export class ScopeAgentView {
  @ApiProperty({ example: 'c0cj9w5y7ezv3vsbw0j8cq5h2d' }) agentId!: string;
  @ApiProperty({ example: 'build-agent' }) name!: string;
  @ApiProperty({ enum: statuses, example: 'RUNNING' }) status!: Status;

  static of({ id, displayName, state }: GroupMember): ScopeAgentView {
    return { agentId: publicIdOf(id), name: displayName, status: statusOf(state) };
  }
}

export class ScopeKeyView {
  @ApiProperty({ example: 'DATABASE_URL' }) key!: string;
}

export class ScopeDetailView extends ScopeView {
  @ApiProperty({ type: [ScopeAgentView] }) agents!: ScopeAgentView[];
  @ApiProperty({ type: [ScopeKeyView] }) secrets!: ScopeKeyView[];
}

export class ScopeDeletedView {
  @ApiProperty({ example: true }) deleted!: true;
  @ApiPropertyOptional({
    type: [String],
    example: ['DATABASE_URL'],
    description:
      'Secrets that are gone because the organisation has its own of the same key; left out when there are none',
  })
  droppedSecrets?: string[];
}
