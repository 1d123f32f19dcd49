import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { AgentLimits } from '../../core/autonomy/agent-limits.service.js';
import { SchedulerStatus } from '../../core/autonomy/scheduler-status.service.js';
import { Schedules } from '../../core/autonomy/schedules.service.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import {
  AutonomyBody,
  AutonomySetView,
  AutonomyView,
  SchedulerStatusView,
  TimeoutBody,
  TimeoutSetView,
  TimeoutView,
} from './limits.dto.js';
import { statusOf } from './words.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };

@ApiTags('Configuration')
@Controller('api/agents')
export class TrinityLimitsController {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly limits: AgentLimits,
    private readonly schedules: Schedules,
    private readonly scheduler: SchedulerStatus,
  ) {}

  @Get('scheduler/status')
  @Requires('admin')
  @ApiOperation({ summary: 'What the scheduler does', description: 'For administrators.' })
  @ApiOkResponse({ type: SchedulerStatusView })
  @Refuses({ 401: 'Not authenticated', 403: 'Not an administrator' })
  async status(): Promise<SchedulerStatusView> {
    const { running, leading, enabled, pending, working, next } = await this.scheduler.get();
    return {
      running,
      this_server: leading,
      jobs_count: enabled,
      jobs: next.map(({ id, name, agentSlug, nextRunAt, willFire }) => ({
        id,
        name,
        agent_name: agentSlug,
        next_run: nextRunAt?.toISOString() ?? null,
        will_fire: willFire,
      })),
      executions_pending: pending,
      executions_running: working,
    };
  }

  @Get(':name/autonomy')
  @ByName()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Whether an agent works by itself' })
  @ApiOkResponse({ type: AutonomyView })
  @Refuses(access)
  async autonomy(@Who() who: Principal, @Param('name') name: string): Promise<AutonomyView> {
    const { agent, instance } = await this.directory.get(who, name);
    const { total, enabled } = await this.schedules.count(agent.id);
    return {
      agent_name: agent.slug,
      autonomy_enabled: agent.autonomy,
      total_schedules: total,
      enabled_schedules: enabled,
      status: statusOf(instance?.state ?? null),
    };
  }

  @Put(':name/autonomy')
  @ByName()
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Let an agent work by itself, or not',
    description: 'With autonomy on its enabled schedules fire, and it asks nobody before it acts.',
  })
  @ApiBody({ type: AutonomyBody, examples: { on: { value: { enabled: true } }, off: { value: { enabled: false } } } })
  @ApiOkResponse({ type: AutonomySetView })
  @Refuses({
    ...access,
    400: 'enabled is missing or neither true nor false',
    403: 'Not its owner, or a system agent',
    422: 'The body is no object',
  })
  async setAutonomy(
    @Who() who: Principal,
    @Param('name') name: string,
    @Body() body: AutonomyBody,
  ): Promise<AutonomySetView> {
    const agent = await this.limits.setAutonomy(who, name, body.enabled);
    const { total, enabled } = await this.schedules.count(agent.id);
    return {
      status: 'updated',
      agent_name: agent.slug,
      autonomy_enabled: agent.autonomy,
      total_schedules: total,
      enabled_schedules: enabled,
      schedules_updated: 0,
      message: agent.autonomy
        ? `Autonomy enabled: ${enabled} of ${total} schedules fire`
        : 'Autonomy disabled: no schedule fires',
    };
  }

  @Get(':name/timeout')
  @ByName()
  @Requires('agents:read')
  @ApiOperation({ summary: 'How long an agent may work on one message' })
  @ApiOkResponse({ type: TimeoutView })
  @Refuses(access)
  async timeout(@Who() who: Principal, @Param('name') name: string): Promise<TimeoutView> {
    return TimeoutView.of((await this.directory.get(who, name)).agent);
  }

  @Put(':name/timeout')
  @ByName()
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Limit how long an agent may work on one message',
    description: 'For what is asked from now on.',
  })
  @ApiBody({ type: TimeoutBody, examples: { halfAnHour: { value: { execution_timeout_seconds: 1800 } } } })
  @ApiOkResponse({ type: TimeoutSetView })
  @Refuses({
    ...access,
    422: 'The body is no object',
    400: 'No whole number from 60 to 7200, or less than one of its schedules',
    403: 'Not its owner',
  })
  async setTimeout(
    @Who() who: Principal,
    @Param('name') name: string,
    @Body() body: TimeoutBody,
  ): Promise<TimeoutSetView> {
    const agent = await this.limits.setTimeout(who, name, body.execution_timeout_seconds);
    return TimeoutSetView.ofSet(agent);
  }
}
