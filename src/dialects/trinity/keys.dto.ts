import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import type { ApiKey } from '../../core/accounts/api-key.entity.js';

// The database stores no NUL in a text.
const withoutNul = /^[^\0]*$/;

export class CreateKeyBody {
  @ApiProperty({ minLength: 1, maxLength: 100, example: 'laptop' })
  @IsString()
  @Length(1, 100)
  @Matches(withoutNul)
  name!: string;

  @ApiPropertyOptional({ type: String, maxLength: 1000, nullable: true, example: 'for the command line' })
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  @Matches(withoutNul)
  description?: string | null;
}

/** Whose key it is, in this API's words. */
export interface KeyOwner {
  readonly username: string;
  readonly email: string | null;
  /** Of the one agent the key is good for. */
  readonly agentName: string | null;
}

export class KeyView {
  @ApiProperty({ example: '5b1c0b1e-1f43-4f57-9c55-0d2f2f5b1c9e' }) id!: string;
  @ApiProperty({ example: 'laptop' }) name!: string;
  @ApiProperty({ type: String, nullable: true }) description!: string | null;
  @ApiProperty({ example: 'trinity_mcp_Zk3vQ0aB', description: 'The first 20 characters.' }) key_prefix!: string;
  @ApiProperty({ type: String, format: 'date-time' }) created_at!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) last_used_at!: string | null;
  @ApiProperty({ example: 0 }) usage_count!: number;
  @ApiProperty({ example: true }) is_active!: boolean;
  @ApiProperty() user_id!: string;
  @ApiProperty({ example: 'admin' }) username!: string;
  @ApiProperty({ type: String, nullable: true }) user_email!: string | null;
  @ApiProperty({ type: String, nullable: true }) agent_name!: string | null;
  @ApiProperty({ enum: ['user', 'agent'], example: 'user' }) scope!: 'user' | 'agent';

  static of(key: ApiKey, owner: KeyOwner): KeyView {
    return {
      id: key.id,
      name: key.label,
      description: key.description,
      key_prefix: key.prefix,
      created_at: key.createdAt.toISOString(),
      last_used_at: key.lastUsedAt?.toISOString() ?? null,
      usage_count: key.usageCount,
      is_active: key.revokedAt === null,
      user_id: key.userId,
      username: owner.username,
      user_email: owner.email,
      agent_name: owner.agentName,
      scope: key.agentId === null ? 'user' : 'agent',
    };
  }
}

export class NewKeyView extends KeyView {
  @ApiProperty({ description: 'The key itself: shown here and never again.' }) api_key!: string;
}

export class KeyMessageView {
  @ApiProperty({ example: 'API key revoked' }) message!: string;
}

export class KeyValidView {
  @ApiProperty({ example: true }) valid!: boolean;
  @ApiProperty({ example: 'admin', description: 'User name.' }) user_id!: string;
  @ApiProperty({ type: String, nullable: true }) user_email!: string | null;
  @ApiProperty({ example: 'laptop' }) key_name!: string;
  @ApiProperty({ type: String, nullable: true }) agent_name!: string | null;
  @ApiProperty({ enum: ['user', 'agent'], example: 'user' }) scope!: 'user' | 'agent';
}
