import { ApiProperty } from '@nestjs/swagger';
import { contextPercent, type FleetMember } from '../../core/fleet/fleet-overview.service.js';
import { statusOf } from './words.js';

/** What clients expect of a model that has not said how much it holds. */
const usualContext = 200_000;
/** How long something that began counts as going on. */
const freshMs = 60_000;

/** This one view has names in camel case. */
export class AgentContextView {
  @ApiProperty({ example: 'hello' }) name!: string;
  @ApiProperty({ enum: ['running', 'stopped', 'restarting'] }) status!: string;
  @ApiProperty({ enum: ['active', 'idle', 'offline'] }) activityState!: string;
  @ApiProperty({ example: 6.2 }) contextPercent!: number;
  @ApiProperty({ type: 'integer', example: 12_400 }) contextUsed!: number;
  @ApiProperty({ type: 'integer', example: usualContext }) contextMax!: number;
  @ApiProperty({ type: 'string', nullable: true }) lastActivityTime!: string | null;

  static of({ slug, state, context, lastActivity }: FleetMember, now: Date): AgentContextView {
    const used = context?.used ?? 0;
    const max = context?.max || usualContext;
    const age = lastActivity ? now.getTime() - lastActivity.at.getTime() : Infinity;
    const active = lastActivity?.state === 'started' && age < freshMs;
    return {
      name: slug,
      status: statusOf(state),
      activityState: state !== 'running' ? 'offline' : active ? 'active' : 'idle',
      contextPercent: contextPercent({ used, max }),
      contextUsed: used,
      contextMax: max,
      lastActivityTime: lastActivity?.at.toISOString() ?? null,
    };
  }
}

export class ContextStatsView {
  @ApiProperty({ type: [AgentContextView] }) agents!: AgentContextView[];
}

export class AgentAutonomyView {
  @ApiProperty() autonomy_enabled!: boolean;
}
