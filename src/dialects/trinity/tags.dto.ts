import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsString } from 'class-validator';
import type { TaggedAgent } from '../../core/fleet/agent-tags.service.js';

export class TagsBody {
  @ApiProperty({ type: 'array', items: { type: 'string' }, maxItems: 1000, example: ['prod', 'web'] })
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  tags!: string[];
}

export class AgentTagsView {
  @ApiProperty({ example: 'hello' }) agent_name!: string;
  @ApiProperty({ type: 'array', items: { type: 'string' } }) tags!: readonly string[];

  static of({ slug, tags }: TaggedAgent): AgentTagsView {
    return { agent_name: slug, tags };
  }
}

export class TagCountView {
  @ApiProperty({ example: 'prod' }) tag!: string;
  @ApiProperty({ type: 'integer', example: 3 }) count!: number;
}

export class TagCountsView {
  @ApiProperty({ type: [TagCountView] }) tags!: TagCountView[];
}
