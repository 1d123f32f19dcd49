import { Controller, Delete, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { IsDate, IsInt, IsOptional, IsString } from 'class-validator';
import type { Principal } from '../../core/access/principal.js';
import { NotFound } from '../../core/errors/domain-error.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { LiveActivity } from '../../core/fleet/live-activity.service.js';
import { Timeline, type TimelineItem } from '../../core/sessions/timeline.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import {
  ActivitiesView,
  ActivityClearedView,
  ActivityView,
  AgentActivitiesView,
  LiveActivityView,
  ToolUseView,
} from './activity.dto.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { AsTime, AsWhole } from './query-words.js';
import { MayBeStale } from './stale-marker.js';
import { activityKindOf, activityWordIn } from './words.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };
const typesDoc =
  'Any of these, such as `chat_start,tool_call`. `chat_start` and `schedule_start` are in any state, `chat_end` and ' +
  '`schedule_end` have ended';
const notATime = 'Input should be a time such as 2026-01-31T12:00:00Z';
const limitDoc = { name: 'limit', required: false, schema: { type: 'integer' as const, default: 100, maximum: 1000 } };

export class ActivitiesQuery {
  @IsOptional()
  @IsString()
  activity_type?: string;

  @IsOptional()
  @IsString()
  activity_state?: string;

  @IsOptional()
  @AsWhole()
  @IsInt()
  limit?: number;
}

export class TimelineQuery {
  @IsOptional()
  @AsTime()
  @IsDate({ message: notATime })
  start_time?: Date;

  @IsOptional()
  @AsTime()
  @IsDate({ message: notATime })
  end_time?: Date;

  @IsOptional()
  @IsString()
  activity_types?: string;

  @IsOptional()
  @AsWhole()
  @IsInt()
  limit?: number;
}

@ApiTags('Activity')
@Controller('api')
export class TrinityActivityController {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly timeline: Timeline,
    private readonly activity: LiveActivity,
  ) {}

  @Get('activities/timeline')
  @MayBeStale()
  @Requires('agents:read')
  @ApiOperation({ summary: 'What your agents did, newest first' })
  @ApiQuery({ name: 'start_time', required: false })
  @ApiQuery({ name: 'end_time', required: false })
  @ApiQuery({ name: 'activity_types', required: false, description: typesDoc })
  @ApiQuery(limitDoc)
  @ApiOkResponse({ type: ActivitiesView })
  @Refuses({ 401: 'Not authenticated', 422: 'A bad time or limit' })
  async all(@Who() who: Principal, @Query() query: TimelineQuery): Promise<ActivitiesView> {
    const { start_time, end_time, limit = 100 } = query;
    const wanted = wordsOf(query.activity_types);
    const items = await this.timeline.list(who, {
      limit: wanted ? 1000 : limit,
      ...(wanted ? { types: typesOf(wanted) } : {}),
      ...(start_time ? { from: start_time } : {}),
      ...(end_time ? { to: end_time } : {}),
    });
    const activities = viewsOf(items, wanted).slice(0, Math.max(1, limit));
    return { count: activities.length, activities };
  }

  @Get('agents/:name/activities')
  @ByName()
  @Requires('agents:read')
  @ApiOperation({ summary: 'What one agent did, newest first' })
  @ApiQuery({ name: 'activity_type', required: false, description: typesDoc })
  @ApiQuery({ name: 'activity_state', required: false })
  @ApiQuery(limitDoc)
  @ApiOkResponse({ type: AgentActivitiesView })
  @Refuses({ ...access, 422: 'limit is no whole number' })
  async ofAgent(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query() query: ActivitiesQuery,
  ): Promise<AgentActivitiesView> {
    const { agent } = await this.directory.get(who, name);
    const wanted = wordsOf(query.activity_type);
    const { limit = 100, activity_state: state } = query;
    // The words depend on the state too, so what does not fit is sorted out after it was read.
    const filter = { agentId: agent.id, limit: wanted ? 1000 : limit, ...(state ? { state } : {}) };
    const items = await this.timeline.list(who, { ...filter, ...(wanted ? { types: typesOf(wanted) } : {}) });
    const activities = viewsOf(items, wanted).slice(0, Math.max(1, limit));
    return { agent_name: agent.slug, count: activities.length, activities };
  }

  @Get('agents/:name/activity')
  @ByName()
  @Requires('agents:read')
  @ApiOperation({ summary: 'What one agent is doing now', description: 'Idle when it is stopped.' })
  @ApiOkResponse({ type: LiveActivityView })
  @Refuses(access)
  async live(@Who() who: Principal, @Param('name') name: string): Promise<LiveActivityView> {
    const { agent, instance } = await this.directory.get(who, name);
    const since = agent.activityClearedAt ? { from: agent.activityClearedAt } : {};
    const tools = await this.timeline.list(who, { agentId: agent.id, types: ['tool_call'], limit: 100, ...since });
    const chats = await this.timeline.list(who, {
      agentId: agent.id,
      types: ['chat', 'schedule'],
      state: 'started',
      limit: 1,
    });
    return LiveActivityView.of(tools, instance?.state === 'running' && chats.length > 0);
  }

  @Delete('agents/:name/activity')
  @ByName()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Empty the view of what an agent is doing', description: 'The timeline keeps everything.' })
  @ApiOkResponse({ type: ActivityClearedView })
  @Refuses(access)
  async clear(@Who() who: Principal, @Param('name') name: string): Promise<ActivityClearedView> {
    await this.activity.clear(who, name);
    return { status: 'cleared', message: 'Activity was cleared' };
  }

  @Get('agents/:name/activity/:toolId')
  @ByName()
  @Requires('agents:read')
  @ApiOperation({ summary: 'One tool call with input and output' })
  @ApiOkResponse({ type: ToolUseView })
  @Refuses({ ...access, 404: 'No such agent or tool call' })
  async tool(
    @Who() who: Principal,
    @Param('name') name: string,
    @Param('toolId') toolId: string,
  ): Promise<ToolUseView> {
    const { agent } = await this.directory.get(who, name);
    const activity = await this.timeline.tool(agent.id, toolId);
    if (!activity) throw new NotFound('tool_call', toolId);
    return ToolUseView.of({ activity, agentSlug: agent.slug });
  }
}

const wordsOf = (text: string | undefined): ReadonlySet<string> | null => {
  const words = (text ?? '').split(',').map((word) => word.trim());
  const named = words.filter((word) => word !== '');
  return named.length > 0 ? new Set(named) : null;
};

const typesOf = (words: ReadonlySet<string>): TimelineItem['activity']['type'][] => [
  ...new Set([...words].flatMap((word) => activityKindOf(word) ?? [])),
];

const viewsOf = (items: readonly TimelineItem[], wanted: ReadonlySet<string> | null): ActivityView[] =>
  items.flatMap((item) => {
    const word = activityWordIn(wanted, item.activity);
    return word === null ? [] : [ActivityView.of(item, word)];
  });
