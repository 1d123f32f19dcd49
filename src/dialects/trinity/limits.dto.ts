import { ApiProperty } from '@nestjs/swagger';
import { Allow } from 'class-validator';
import type { Agent } from '../../core/agents/agent.entity.js';

/** What is wrong with it is a 400 here, never a 422. */
export class AutonomyBody {
  @ApiProperty({ type: 'boolean', example: true })
  @Allow()
  enabled?: unknown;
}

export class AutonomyView {
  @ApiProperty() agent_name!: string;
  @ApiProperty() autonomy_enabled!: boolean;
  @ApiProperty() total_schedules!: number;
  @ApiProperty() enabled_schedules!: number;
  @ApiProperty({ enum: ['running', 'restarting', 'stopped'] }) status!: string;
}

export class AutonomySetView {
  @ApiProperty({ example: 'updated' }) status!: string;
  @ApiProperty() agent_name!: string;
  @ApiProperty() autonomy_enabled!: boolean;
  @ApiProperty() total_schedules!: number;
  @ApiProperty() enabled_schedules!: number;
  @ApiProperty({ description: 'Always 0: the schedules themselves stay as they are' }) schedules_updated!: number;
  @ApiProperty() message!: string;
}

export class TimeoutBody {
  @ApiProperty({ type: 'integer', minimum: 60, maximum: 7200, example: 1800 })
  @Allow()
  execution_timeout_seconds?: unknown;
}

export class TimeoutView {
  @ApiProperty() agent_name!: string;
  @ApiProperty({ example: 3600 }) execution_timeout_seconds!: number;
  @ApiProperty({ example: 60 }) execution_timeout_minutes!: number;

  static of({ slug, timeoutSeconds }: Agent): TimeoutView {
    return {
      agent_name: slug,
      execution_timeout_seconds: timeoutSeconds,
      execution_timeout_minutes: Math.floor(timeoutSeconds / 60),
    };
  }
}

export class TimeoutSetView extends TimeoutView {
  @ApiProperty({ example: 'Timeout updated' }) message!: string;

  static ofSet({ slug, timeoutSeconds }: Agent): TimeoutSetView {
    return {
      agent_name: slug,
      execution_timeout_seconds: timeoutSeconds,
      execution_timeout_minutes: Math.floor(timeoutSeconds / 60),
      message: 'Timeout updated',
    };
  }
}

export class ScheduledJobView {
  @ApiProperty() id!: string;
  @ApiProperty() name!: string;
  @ApiProperty() agent_name!: string;
  @ApiProperty({ type: 'string', nullable: true }) next_run!: string | null;
  @ApiProperty() will_fire!: boolean;
}

export class SchedulerStatusView {
  @ApiProperty({ description: 'Whether some server fires schedules' }) running!: boolean;
  @ApiProperty({ description: 'Whether it is the one that answers' }) this_server!: boolean;
  @ApiProperty({ description: 'Enabled schedules' }) jobs_count!: number;
  @ApiProperty({ type: [ScheduledJobView], description: 'The next 100' }) jobs!: ScheduledJobView[];
  @ApiProperty() executions_pending!: number;
  @ApiProperty() executions_running!: number;
}
