import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { ReadOnlyMode } from '../../core/instances/read-only.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { messageOf, ReadOnlyBody, ReadOnlySetView, ReadOnlyView, wishOf } from './read-only.dto.js';
import { ReadOnlyFile } from './read-only.file.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };

@ApiTags('Configuration')
@ByName()
@Controller('api/agents/:name/read-only')
export class TrinityReadOnlyController {
  constructor(
    private readonly mode: ReadOnlyMode,
    private readonly file: ReadOnlyFile,
  ) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Whether an agent is read-only, and what it may write' })
  @ApiOkResponse({ type: ReadOnlyView })
  @Refuses(access)
  async get(@Who() who: Principal, @Param('name') name: string): Promise<ReadOnlyView> {
    return ReadOnlyView.of(await this.mode.get(who, name));
  }

  @Put()
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Make an agent read-only, or writing again',
    description:
      'Edits that the agent asks for are judged by the patterns at once. Its container is closed or opened by its next start: ' +
      '`hooks_injected` says whether it is so already.',
  })
  @ApiBody({
    type: ReadOnlyBody,
    examples: {
      on: { value: { enabled: true } },
      off: { value: { enabled: false } },
      patterns: {
        value: { enabled: true, config: { blocked_patterns: ['*.py'], allowed_patterns: ['content/*', '*.txt'] } },
      },
    },
  })
  @ApiOkResponse({ type: ReadOnlySetView })
  @Refuses({
    ...access,
    400: 'No `enabled`, or patterns that are none',
    403: 'Not its owner, or a system agent',
    422: 'No object',
  })
  async set(@Who() who: Principal, @Param('name') name: string, @Body() body?: ReadOnlyBody): Promise<ReadOnlySetView> {
    await this.mode.requireOwner(who, name);
    const status = await this.mode.configure(who, name, wishOf(body));
    const { instance, enabled, holds } = status;
    const written = instance?.state === 'running' && (await this.file.put(instance, enabled));
    const applied = holds && written;
    const message = messageOf(status, applied);
    return Object.assign(ReadOnlyView.of(status), { status: 'updated', hooks_injected: applied, message });
  }
}
