import { ApiProperty } from '@nestjs/swagger';
import { IsString, Length, Matches } from 'class-validator';
import type { ApiKey } from '../../core/accounts/api-key.entity.js';

export class CreateTokenBody {
  @ApiProperty({ example: 'production', minLength: 1, maxLength: 100 })
  @IsString()
  @Length(1, 100)
  // The database stores no NUL in a text.
  @Matches(/^[^\0]*$/, { message: 'label must not contain NUL characters' })
  label!: string;
}

export class TokenView {
  @ApiProperty({ example: '5b1c0b1e-1f43-4f57-9c55-0d2f2f5b1c9e' }) id!: string;
  @ApiProperty({ example: 'production' }) label!: string;
  @ApiProperty({ example: 'ha_live_Zk3v', description: 'The first 12 characters' }) prefix!: string;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) createdAt!: string;
  @ApiProperty({ type: String, nullable: true }) lastUsedAt!: string | null;

  static of({ id, label, prefix, createdAt, lastUsedAt }: ApiKey): TokenView {
    return {
      id,
      label,
      prefix,
      createdAt: createdAt.toISOString(),
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
    };
  }
}

export class TokensView {
  @ApiProperty({ type: [TokenView] }) tokens!: TokenView[];
}

export class NewTokenView {
  @ApiProperty() id!: string;
  @ApiProperty({ example: 'production' }) label!: string;
  @ApiProperty({ description: 'The token itself: shown here and never again' }) token!: string;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) createdAt!: string;
}
