import { Body, Controller, Delete, Get, Param, Put, UseGuards } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Requires } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { PathWordsGuard } from './by-name.js';
import {
  OpsConfigBody,
  OpsConfigView,
  OpsSettingView,
  OpsUpdatedView,
  SettingBody,
  SettingDeletedView,
  SettingView,
} from './settings.dto.js';
import { TrinitySettings } from './settings.store.js';

/** Routes with fixed words stand before `:key`, so that they win. */
@ApiTags('Settings')
@ApiExtraModels(OpsSettingView)
@Controller('api/settings')
@Requires('admin')
@UseGuards(PathWordsGuard)
export class TrinitySettingsController {
  constructor(private readonly settings: TrinitySettings) {}

  @Get('ops/config')
  @ApiOperation({ summary: 'Settings of fleet operation' })
  @ApiOkResponse({ type: OpsConfigView })
  @Refuses({ 401: 'Not authenticated', 403: 'For administrators only' })
  async opsConfig(): Promise<OpsConfigView> {
    const stored = await this.settings.ops();
    const views = Object.entries(this.settings.offered).map(([key, setting]): [string, OpsSettingView] => {
      const value = stored.get(key) ?? setting.default;
      return [key, { value, ...setting, is_default: value === setting.default }];
    });
    return { settings: Object.fromEntries(views) };
  }

  @Put('ops/config')
  @ApiOperation({ summary: 'Change settings of fleet operation', description: 'Unknown ones are ignored, and named.' })
  @ApiOkResponse({ type: OpsUpdatedView })
  @Refuses({ 401: 'Not authenticated', 403: 'For administrators only', 422: '`settings` is missing' })
  async setOpsConfig(@Body() body: OpsConfigBody): Promise<OpsUpdatedView> {
    const { updated, ignored } = await this.settings.setOps(body.settings);
    return { success: true, updated, ignored: ignored.length > 0 ? ignored : null };
  }

  @Get(':key')
  @ApiParam({ name: 'key', example: 'theme' })
  @ApiOperation({ summary: 'A setting that a client keeps here' })
  @ApiOkResponse({ type: SettingView })
  @Refuses({ 401: 'Not authenticated', 403: 'For administrators only', 404: 'Not set' })
  async get(@Param('key') key: string): Promise<SettingView> {
    return SettingView.of(await this.settings.get(key));
  }

  @Put(':key')
  @ApiParam({ name: 'key', example: 'theme' })
  @ApiOperation({ summary: 'Keep a setting' })
  @ApiOkResponse({ type: SettingView })
  @Refuses({
    400: 'No good name',
    401: 'Not authenticated',
    403: 'For administrators only',
    422: 'The value is missing or no text',
  })
  async set(@Param('key') key: string, @Body() body: SettingBody): Promise<SettingView> {
    return SettingView.of(await this.settings.set(key, body.value));
  }

  @Delete(':key')
  @ApiParam({ name: 'key', example: 'theme' })
  @ApiOperation({ summary: 'Forget a setting' })
  @ApiOkResponse({ type: SettingDeletedView })
  @Refuses({ 401: 'Not authenticated', 403: 'For administrators only' })
  async delete(@Param('key') key: string): Promise<SettingDeletedView> {
    return { success: true, deleted: await this.settings.delete(key) };
  }
}
