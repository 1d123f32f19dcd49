import { Controller, Get, Param, Query, StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { Invalid, Unavailable } from '../../core/errors/domain-error.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { AgentFiles } from '../../core/instances/agent-files.service.js';
import { AgentLogs } from '../../core/instances/agent-logs.service.js';
import { LiveStats, type Usage } from '../../core/instances/live-stats.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { sent } from './file-answers.js';
import { DownloadQuery, FilesQuery, FilesView, InfoView, LogsQuery, LogsView, StatsView } from './files.dto.js';
import { InfoReader } from './info-reader.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };

@ApiTags('Information and files')
@ByName()
@Controller('api/agents/:name')
export class TrinityFilesController {
  constructor(
    private readonly files: AgentFiles,
    private readonly output: AgentLogs,
    private readonly live: LiveStats,
    private readonly directory: AgentDirectory,
    private readonly reader: InfoReader,
  ) {}

  @Get('info')
  @Requires('agents:read')
  @ApiOperation({ summary: 'What the agent is made from' })
  @ApiOkResponse({ type: InfoView })
  @Refuses(access)
  info(@Who() who: Principal, @Param('name') name: string): Promise<Record<string, unknown>> {
    return this.reader.read(who, name);
  }

  @Get('files')
  @Requires('files:read')
  @ApiOperation({ summary: 'Files of a running agent, as a tree' })
  @ApiQuery({ name: 'path', required: false, example: '/home/developer' })
  @ApiQuery({ name: 'show_hidden', required: false, schema: { type: 'boolean', default: false } })
  @ApiOkResponse({ type: FilesView })
  @Refuses({ ...access, 400: 'The agent is not running', 403: 'No access, or the path leads out of the home' })
  async tree(@Who() who: Principal, @Param('name') name: string, @Query() query: FilesQuery): Promise<FilesView> {
    return FilesView.of(await this.files.tree(who, name, query.path ?? '', query.show_hidden ?? false));
  }

  @Get('files/download')
  @Requires('files:read')
  @ApiOperation({ summary: 'One file, byte for byte' })
  @ApiQuery({ name: 'path', required: true, example: 'hello.txt' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  @Refuses({
    ...access,
    400: 'No file, or the agent is not running',
    413: 'Larger than 100 MB',
    422: 'path is missing',
  })
  async download(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query() query: DownloadQuery,
  ): Promise<StreamableFile> {
    return sent(await this.files.download(who, name, query.path), 'attachment', 'text/plain; charset=utf-8');
  }

  @Get('logs')
  @Requires('logs:read')
  @ApiOperation({
    summary: 'Last lines of the container',
    description: 'Works for a stopped agent as well. While the engine is away: what was read last, marked as such.',
  })
  @ApiQuery({ name: 'tail', required: false, schema: { type: 'integer', default: 100, maximum: 10000 } })
  @ApiOkResponse({ type: LogsView })
  @Refuses({
    ...access,
    422: 'tail is no whole number',
    500: 'The engine could not give them',
    503: 'It is away, and they were never read',
  })
  async logs(@Who() who: Principal, @Param('name') name: string, @Query() query: LogsQuery): Promise<LogsView> {
    return { logs: await this.output.tail(who, name, query.tail ?? 100) };
  }

  @Get('stats')
  @Requires('agents:read')
  @ApiOperation({
    summary: 'CPU, memory and network of a running agent',
    description: 'Sampled in the background; the first call after a start waits a moment for it.',
  })
  @ApiOkResponse({ type: StatsView })
  @Refuses({ ...access, 400: 'The agent is not running', 503: 'It could not be measured yet' })
  async stats(@Who() who: Principal, @Param('name') name: string): Promise<StatsView> {
    const { instance } = await this.directory.get(who, name);
    if (instance?.state !== 'running') throw new Invalid('Agent is not running', [], 'agent_not_running');
    const usage = await this.live.measured(instance.id);
    if (!usage) throw new Unavailable('The agent has not been measured yet; try again', 'not_measured', 2);
    return statsView(usage, this.live.uptimeSeconds(instance));
  }
}

function statsView(usage: Usage, uptime: number): StatsView {
  const { memoryBytes: used, memoryLimitBytes: limit } = usage;
  return {
    cpu_percent: usage.cpuPercent,
    memory_used_bytes: used,
    memory_limit_bytes: limit,
    memory_percent: limit > 0 ? Math.round((used / limit) * 1000) / 10 : 0,
    network_rx_bytes: usage.rxBytes,
    network_tx_bytes: usage.txBytes,
    uptime_seconds: uptime,
    status: 'running',
  };
}
