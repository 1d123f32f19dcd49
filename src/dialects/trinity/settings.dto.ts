import { ApiProperty } from '@nestjs/swagger';
import { IsObject, IsString, Matches, MaxLength } from 'class-validator';
import type { StoredSetting } from './settings.store.js';

export class SettingBody {
  @ApiProperty({ example: '75', maxLength: 100_000 })
  @IsString()
  @MaxLength(100_000)
  @Matches(/^[^\0]*$/)
  value!: string;
}

export class SettingView {
  @ApiProperty({ example: 'theme' }) key!: string;
  @ApiProperty({ example: 'dark' }) value!: string;
  @ApiProperty({ type: String, format: 'date-time' }) updated_at!: string;

  static of({ key, value, updatedAt }: StoredSetting): SettingView {
    return { key, value, updated_at: updatedAt.toISOString() };
  }
}

export class SettingDeletedView {
  @ApiProperty({ example: true }) success!: boolean;
  @ApiProperty({ example: true, description: 'Whether there was one.' }) deleted!: boolean;
}

export class OpsSettingView {
  @ApiProperty({ example: '75' }) value!: string;
  @ApiProperty({ example: '75' }) default!: string;
  @ApiProperty() description!: string;
  @ApiProperty({ example: true }) is_default!: boolean;
}

export class OpsConfigView {
  @ApiProperty({ type: 'object', additionalProperties: { $ref: '#/components/schemas/OpsSettingView' } })
  settings!: Record<string, OpsSettingView>;
}

export class OpsConfigBody {
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { ops_context_warning_threshold: '70' },
  })
  @IsObject()
  settings!: Record<string, unknown>;
}

export class OpsUpdatedView {
  @ApiProperty({ example: true }) success!: boolean;
  @ApiProperty({ type: [String], example: ['ops_context_warning_threshold'] }) updated!: string[];
  @ApiProperty({ type: [String], nullable: true, example: null }) ignored!: string[] | null;
}
