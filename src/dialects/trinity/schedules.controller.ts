import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import {
  ApiBody,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { ScheduleRuns } from '../../core/autonomy/schedule-runs.service.js';
import { Schedules } from '../../core/autonomy/schedules.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import {
  CreateScheduleBody,
  fieldsOf,
  ScheduleSwitchedView,
  ScheduleView,
  TriggeredView,
  UpdateScheduleBody,
} from './schedules.dto.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };
const one = { ...access, 404: 'No such agent or schedule' };
const changing = { ...one, 403: "Neither its creator nor the agent's owner" };
const wrong = {
  400: 'No cron expression or time zone, or a time limit out of range',
  422: 'A field is missing or has the wrong shape',
};
const morning = { name: 'Morning report', cron_expression: '0 9 * * 1-5', timezone: 'Europe/Berlin' };

@ApiTags('Schedules')
@ByName()
@Controller('api/agents/:name/schedules')
export class TrinitySchedulesController {
  constructor(
    private readonly schedules: Schedules,
    private readonly runs: ScheduleRuns,
  ) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({ summary: "An agent's schedules, oldest first" })
  @ApiOkResponse({ type: [ScheduleView] })
  @Refuses(access)
  async list(@Who() who: Principal, @Param('name') name: string): Promise<ScheduleView[]> {
    return (await this.schedules.list(who, name)).map((schedule) => ScheduleView.of(schedule));
  }

  @Post()
  @HttpCode(201)
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Give an agent a message again and again',
    description: "It fires while the agent's autonomy is on and the agent runs. Runs do not overlap.",
  })
  @ApiBody({
    type: CreateScheduleBody,
    examples: {
      weekdays: { value: { ...morning, message: 'Write the morning report. <<say Good morning>>' } },
      minutes: { value: { name: 'Check', cron_expression: '*/15 * * * *', message: 'Check the build. <<say green>>' } },
    },
  })
  @ApiCreatedResponse({ type: ScheduleView })
  @Refuses({ ...access, ...wrong })
  async create(
    @Who() who: Principal,
    @Param('name') name: string,
    @Body() body: CreateScheduleBody,
  ): Promise<ScheduleView> {
    const left = { enabled: true, timezone: 'UTC', description: null, timeoutSeconds: null };
    const said = { name: body.name.trim(), cron: body.cron_expression.trim(), message: body.message };
    return ScheduleView.of(await this.schedules.create(who, name, { ...left, ...said, ...fieldsOf(body) }));
  }

  @Get(':id')
  @Requires('agents:read')
  @ApiOperation({ summary: 'One schedule' })
  @ApiOkResponse({ type: ScheduleView })
  @Refuses(one)
  async get(@Who() who: Principal, @Param('name') name: string, @Param('id') id: string): Promise<ScheduleView> {
    return ScheduleView.of(await this.schedules.get(who, name, id));
  }

  @Put(':id')
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Change a schedule',
    description: 'What is left out stays. A run that goes on is let finish.',
  })
  @ApiBody({ type: UpdateScheduleBody, examples: { later: { value: { cron_expression: '30 9 * * 1-5' } } } })
  @ApiOkResponse({ type: ScheduleView })
  @Refuses({ ...changing, ...wrong })
  async change(
    @Who() who: Principal,
    @Param('name') name: string,
    @Param('id') id: string,
    @Body() body: UpdateScheduleBody,
  ): Promise<ScheduleView> {
    return ScheduleView.of(await this.schedules.change(who, name, id, fieldsOf(body)));
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Delete a schedule',
    description: 'A run that goes on is let finish. What it did stays in the list of executions of the agent.',
  })
  @ApiNoContentResponse({ description: 'It is gone' })
  @Refuses(changing)
  async remove(@Who() who: Principal, @Param('name') name: string, @Param('id') id: string): Promise<void> {
    await this.schedules.remove(who, name, id);
  }

  @Post(':id/enable')
  @Requires('agents:write')
  @ApiOperation({ summary: 'Let a schedule fire' })
  @ApiOkResponse({ type: ScheduleSwitchedView })
  @Refuses({ ...changing, 400: 'No day fits it any more' })
  enable(@Who() who: Principal, @Param('name') name: string, @Param('id') id: string): Promise<ScheduleSwitchedView> {
    return this.switched(who, name, id, { enabled: true });
  }

  @Post(':id/disable')
  @Requires('agents:write')
  @ApiOperation({ summary: 'Keep a schedule from firing', description: 'A run that goes on is let finish.' })
  @ApiOkResponse({ type: ScheduleSwitchedView })
  @Refuses(changing)
  disable(@Who() who: Principal, @Param('name') name: string, @Param('id') id: string): Promise<ScheduleSwitchedView> {
    return this.switched(who, name, id, { enabled: false });
  }

  @Post(':id/trigger')
  @Requires('sessions:write')
  @ApiOperation({
    summary: 'Run a schedule now',
    description: 'Also when it is disabled or autonomy is off. Look at the execution for what becomes of it.',
  })
  @ApiOkResponse({ type: TriggeredView })
  @Refuses({ ...one, 409: 'Its last run still goes on', 503: 'The agent is not running' })
  async trigger(@Who() who: Principal, @Param('name') name: string, @Param('id') id: string): Promise<TriggeredView> {
    const executionId = await this.runs.trigger(who, name, id);
    return { status: 'triggered', schedule_id: id, execution_id: executionId };
  }

  private async switched(
    who: Principal,
    name: string,
    id: string,
    patch: { readonly enabled: boolean },
  ): Promise<ScheduleSwitchedView> {
    const { schedule } = await this.schedules.change(who, name, id, patch);
    return { status: schedule.enabled ? 'enabled' : 'disabled', schedule_id: schedule.id };
  }
}
