import { Global, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { AgentLimits } from './agent-limits.service.js';
import { Executions } from './executions.service.js';
import { ScheduleRuns } from './schedule-runs.service.js';
import { SchedulerStatus } from './scheduler-status.service.js';
import { Scheduler } from './scheduler.service.js';
import { Schedules } from './schedules.service.js';

const services = [AgentLimits, Executions, ScheduleRuns, Scheduler, SchedulerStatus, Schedules];

/** What agents do without being asked each time: schedules, and how far they may go. */
@Global()
@Module({ providers: services, exports: services })
export class AutonomyModule implements OnApplicationBootstrap {
  constructor(private readonly scheduler: Scheduler) {}

  onApplicationBootstrap(): void {
    this.scheduler.start();
  }
}
