import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { Executions } from '../../core/autonomy/executions.service.js';
import { History } from '../../core/sessions/history.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { ExecutionsQuery, ScheduleRunDetailView, ScheduleRunView } from './schedules.dto.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };
const usual = 50;

@ApiTags('Schedules')
@ByName()
@Controller('api/agents/:name')
export class TrinityExecutionsController {
  constructor(
    private readonly executions: Executions,
    private readonly history: History,
  ) {}

  @Get('schedules/:id/executions')
  @Requires('sessions:read')
  @ApiOperation({
    summary: 'Runs of one schedule, newest first',
    description: 'Also those that were skipped, and why.',
  })
  @ApiOkResponse({ type: [ScheduleRunView] })
  @Refuses({ ...access, 404: 'No such agent or schedule', 422: 'limit is no number from 1 to 1000' })
  async ofSchedule(
    @Who() who: Principal,
    @Param('name') name: string,
    @Param('id') id: string,
    @Query() { limit = usual }: ExecutionsQuery,
  ): Promise<ScheduleRunView[]> {
    return (await this.executions.ofSchedule(who, name, id, limit)).map((run) => ScheduleRunView.of(run));
  }

  @Get('executions')
  @Requires('sessions:read')
  @ApiOperation({ summary: "Runs of all of an agent's schedules, newest first" })
  @ApiOkResponse({ type: [ScheduleRunView] })
  @Refuses({ ...access, 422: 'limit is no number from 1 to 1000' })
  async ofAgent(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query() { limit = usual }: ExecutionsQuery,
  ): Promise<ScheduleRunView[]> {
    return (await this.executions.ofAgent(who, name, limit)).map((run) => ScheduleRunView.of(run));
  }

  @Get('executions/:id')
  @Requires('sessions:read')
  @ApiOperation({ summary: 'One run with the tools it used' })
  @ApiOkResponse({ type: ScheduleRunDetailView })
  @Refuses({ ...access, 404: 'No such agent or execution' })
  async get(
    @Who() who: Principal,
    @Param('name') name: string,
    @Param('id') id: string,
  ): Promise<ScheduleRunDetailView> {
    const run = await this.executions.get(who, name, id);
    return ScheduleRunDetailView.ofRun(run, run.turn ? await this.history.tools(run.turn.id) : []);
  }
}
