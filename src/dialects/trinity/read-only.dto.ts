import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Allow } from 'class-validator';
import { defaultPatterns, patternsOf, type WritePatterns } from '../../core/agents/write.rules.js';
import { Invalid } from '../../core/errors/domain-error.js';
import type { ReadOnlyStatus } from '../../core/instances/read-only.service.js';

export class ReadOnlyBody {
  @ApiProperty({ type: Boolean, example: true })
  @Allow()
  enabled?: unknown;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    example: { blocked_patterns: ['*.py'], allowed_patterns: ['content/*'] },
    description: 'Replaces the patterns as a whole; a list that is left out gets its default',
  })
  @Allow()
  config?: unknown;
}

/** What a body asks for. Throws `Invalid` in a sentence. */
export function wishOf(body: ReadOnlyBody | undefined): { enabled: boolean; patterns?: WritePatterns } {
  const { enabled, config } = body ?? {};
  if (typeof enabled !== 'boolean') {
    const missing = enabled === undefined || enabled === null;
    throw new Invalid(missing ? 'enabled is required' : 'enabled must be true or false', [], 'bad_flag');
  }
  if (config === undefined || config === null) return { enabled };
  if (typeof config !== 'object' || Array.isArray(config)) {
    throw new Invalid('config must be an object', [], 'bad_config');
  }
  const given = config as Record<string, unknown>;
  const list = (field: string, fallback: readonly string[]): readonly string[] =>
    given[field] === undefined ? fallback : patternsOf(given[field], field);
  const blocked = list('blocked_patterns', defaultPatterns.blocked);
  return { enabled, patterns: { blocked, allowed: list('allowed_patterns', defaultPatterns.allowed) } };
}

export class ReadOnlyConfigView {
  @ApiProperty({ type: [String], example: ['*.py'] }) blocked_patterns!: string[];
  @ApiProperty({ type: [String], example: ['content/*'] }) allowed_patterns!: string[];

  static of({ blocked, allowed }: WritePatterns): ReadOnlyConfigView {
    return { blocked_patterns: [...blocked], allowed_patterns: [...allowed] };
  }
}

export class ReadOnlyView {
  @ApiProperty({ example: 'hello' }) agent_name!: string;
  @ApiProperty() enabled!: boolean;
  @ApiProperty() config!: ReadOnlyConfigView;

  static of({ agent, enabled, patterns }: ReadOnlyStatus): ReadOnlyView {
    return { agent_name: agent.slug, enabled, config: ReadOnlyConfigView.of(patterns) };
  }
}

export class ReadOnlySetView extends ReadOnlyView {
  @ApiProperty({ example: 'updated' }) status!: string;
  @ApiProperty({ description: 'The running container is as this says, right now' }) hooks_injected!: boolean;
  @ApiProperty() message!: string;
}

/** What a caller is told about a change, and what is still to be done. */
export function messageOf({ enabled, instance, enforced }: ReadOnlyStatus, applied: boolean): string {
  const word = `Read-only mode ${enabled ? 'enabled' : 'disabled'}`;
  if (!enforced) {
    return enabled ? `${word}. This engine closes no folders: only edits that the agent asks for are refused.` : word;
  }
  if (applied) return word;
  const until = enabled
    ? 'until then only edits that the agent asks for are refused'
    : 'until then its home stays closed';
  return instance?.state === 'running'
    ? `${word}. Start the agent (again) to apply it to its container; ${until}.`
    : `${word}. It is applied when the agent starts.`;
}
