import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import type { Principal } from '../../core/access/principal.js';
import { Invalid } from '../../core/errors/domain-error.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { ProviderKeySetting } from '../../core/runtimes/provider-key-setting.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { statusOf } from './words.js';

export class ApiKeySettingBody {
  /** Looked at by the controller: this API answers 400 where it is missing. */
  @ApiProperty({ type: 'boolean', example: true })
  @IsOptional()
  use_platform_api_key?: unknown;
}

export class ApiKeySettingView {
  @ApiProperty({ example: 'hello' }) agent_name!: string;
  @ApiProperty() use_platform_api_key!: boolean;
  @ApiProperty({ description: 'A runtime process still runs with the other setting' }) restart_required!: boolean;
  @ApiProperty({ example: 'running', description: 'State of the agent' }) status!: string;
}

export class ApiKeySettingChangedView {
  @ApiProperty({ example: 'updated' }) status!: string;
  @ApiProperty({ example: 'hello' }) agent_name!: string;
  @ApiProperty() use_platform_api_key!: boolean;
  @ApiProperty({ example: true }) restart_required!: boolean;
  @ApiProperty() message!: string;
}

@ApiTags('Configuration')
@ByName()
@Controller('api/agents/:name/api-key-setting')
export class TrinityProviderKeyController {
  constructor(
    private readonly setting: ProviderKeySetting,
    private readonly directory: AgentDirectory,
  ) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({ summary: "Whether the agent uses the platform's provider key" })
  @ApiOkResponse({ type: ApiKeySettingView })
  @Refuses({ 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' })
  async get(@Who() who: Principal, @Param('name') name: string): Promise<ApiKeySettingView> {
    const { platformKey, outdated } = await this.setting.get(who, name);
    const { instance } = await this.directory.get(who, name);
    return {
      agent_name: name,
      use_platform_api_key: platformKey,
      restart_required: outdated,
      status: statusOf(instance?.state ?? null),
    };
  }

  @Put()
  @Requires('agents:write')
  @ApiOperation({
    summary: "Let the agent use the platform's provider key, or its own",
    description: 'With `false` its runtime signs in with what the `.env` in its home holds. From the next restart on.',
  })
  @ApiOkResponse({ type: ApiKeySettingChangedView })
  @Refuses({
    400: 'No boolean',
    401: 'Not authenticated',
    403: 'Not its owner',
    404: 'No such agent',
    422: 'The body is no object',
  })
  async set(
    @Who() who: Principal,
    @Param('name') name: string,
    @Body() body: ApiKeySettingBody,
  ): Promise<ApiKeySettingChangedView> {
    const wanted = body.use_platform_api_key;
    // Who may not see the agent does not hear first what is wrong with the body.
    await this.setting.requireOwner(who, name);
    if (wanted === undefined || wanted === null) throw new Invalid('use_platform_api_key is required');
    if (typeof wanted !== 'boolean') throw new Invalid('use_platform_api_key must be true or false');
    await this.setting.set(who, name, wanted);
    const whose = wanted ? "the platform's provider key" : 'the keys in its own .env';
    return {
      status: 'updated',
      agent_name: name,
      use_platform_api_key: wanted,
      restart_required: true,
      message: `${name} uses ${whose} from its next restart on`,
    };
  }
}
