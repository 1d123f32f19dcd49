import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsObject, IsOptional, IsString } from 'class-validator';
import { Invalid } from '../../core/errors/domain-error.js';
import type { SeenSecret } from '../../core/groups/secrets.service.js';

/** One secret (`key` and `value`), or several (`secrets`). */
export class PutSecretsBody {
  @ApiPropertyOptional({ example: 'DATABASE_URL', description: 'Letters, digits and _, at most 128 characters' })
  @IsOptional()
  @IsString()
  key?: string | null;

  @ApiPropertyOptional({ example: 'postgres://db.example.com/shop', description: '1 byte to 64 KiB' })
  @IsOptional()
  @IsString()
  value?: string | null;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Several at once, instead of `key` and `value`: all of them are set, or none',
  })
  @IsOptional()
  @IsObject()
  secrets?: Record<string, unknown> | null;
}

/** What a body asks for, by key. */
export function valuesIn({ key, value, secrets }: PutSecretsBody): Record<string, unknown> {
  const one = typeof key === 'string' || typeof value === 'string';
  if (secrets && !one) return secrets;
  if (typeof key === 'string' && typeof value === 'string' && !secrets) {
    return Object.fromEntries([[key, value]]);
  }
  throw new Invalid('Give key and value, or secrets');
}

export class SecretView {
  @ApiProperty({ example: 'DATABASE_URL' }) key!: string;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) createdAt!: string;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) updatedAt!: string;

  static of({ name, createdAt, updatedAt }: SeenSecret): SecretView {
    return { key: name, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
  }
}

export class SecretsView {
  @ApiProperty({ type: [SecretView] }) secrets!: SecretView[];
}

export class SecretsSetView {
  @ApiProperty({ example: true }) updated!: true;
  @ApiProperty({ type: [String], example: ['DATABASE_URL'] }) keys!: string[];
}
