import { ApiProperty } from '@nestjs/swagger';

export class HealthView {
  @ApiProperty({ enum: ['healthy'] }) status: 'healthy';
  @ApiProperty({ format: 'date-time' }) timestamp: string;
}

export class ReadinessView {
  @ApiProperty({ enum: ['ready', 'not_ready'] }) status: 'ready' | 'not_ready';
  @ApiProperty({
    type: 'object',
    additionalProperties: {
      type: 'object',
      required: ['ok'],
      properties: { ok: { type: 'boolean' }, reason: { type: 'string' } },
    },
    example: { database: { ok: true }, engine: { ok: false, reason: 'Docker does not answer' } },
  })
  checks: Readonly<Record<string, { readonly ok: boolean; readonly reason?: string }>>;
}
