import { ApiProperty } from '@nestjs/swagger';
import { contextPercent, type FleetMember } from '../../core/fleet/fleet-overview.service.js';

const nothing = 'null while it does not run or was not measured yet';

/** One agent in the overview of the fleet. */
export class FleetMemberView {
  @ApiProperty({ example: 'research-agent' }) name!: string;
  @ApiProperty({ example: 'research-agent' }) display_name!: string;
  @ApiProperty({ enum: ['running', 'restarting', 'stopped'], description: 'As lifecycle events say it' })
  status!: string;
  @ApiProperty({
    type: 'string',
    nullable: true,
    enum: ['provisioning', 'running', 'stopping', 'stopped', 'failed', 'removed'],
    description: 'What exactly: null when there is no container',
  })
  state!: string | null;
  @ApiProperty({ type: 'string', nullable: true, description: 'Why it is not running, or what it waits for' })
  reason!: string | null;
  @ApiProperty({ type: 'string', nullable: true, example: 'admin' }) owner!: string | null;
  @ApiProperty() is_owner!: boolean;
  @ApiProperty() is_shared!: boolean;
  @ApiProperty() is_system!: boolean;
  @ApiProperty({ type: 'array', items: { type: 'string' } }) tags!: readonly string[];
  @ApiProperty({ example: 'opencode' }) runtime!: string;
  @ApiProperty({ type: 'number', nullable: true, description: `Of one core: 200 is two cores busy; ${nothing}` })
  cpu_percent!: number | null;
  @ApiProperty({ type: 'integer', nullable: true, description: nothing }) memory_used_bytes!: number | null;
  @ApiProperty({ type: 'integer', nullable: true, description: nothing }) memory_limit_bytes!: number | null;
  @ApiProperty({
    type: 'number',
    nullable: true,
    description: 'Of the conversation used last; null while it does not run or nobody has talked with it',
  })
  context_percent!: number | null;
  @ApiProperty({ enum: ['active', 'idle', 'offline'], description: 'active: it works on a message' }) activity!: string;
  @ApiProperty() autonomy_enabled!: boolean;
  @ApiProperty() read_only_enabled!: boolean;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) created!: string;

  static of(member: FleetMember): FleetMemberView {
    const { state, usage, context } = member;
    const runs = state === 'running';
    return {
      name: member.slug,
      display_name: member.displayName,
      status: runs ? 'running' : state === 'provisioning' ? 'restarting' : 'stopped',
      state,
      reason: member.reason,
      owner: member.ownerName,
      is_owner: member.isOwner,
      is_shared: member.isShared,
      is_system: member.isSystem,
      tags: member.tags,
      runtime: member.runtime,
      cpu_percent: usage?.cpuPercent ?? null,
      memory_used_bytes: usage?.memoryBytes ?? null,
      memory_limit_bytes: usage?.memoryLimitBytes ?? null,
      context_percent: context && contextPercent(context),
      activity: runs ? (member.working ? 'active' : 'idle') : 'offline',
      autonomy_enabled: member.autonomy,
      read_only_enabled: member.readOnly,
      created: member.createdAt.toISOString(),
    };
  }
}
