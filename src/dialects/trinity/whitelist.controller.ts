import { Body, Controller, Delete, Get, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { Whitelist } from '../../core/accounts/whitelist.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { WhitelistBody, WhitelistedView, WhitelistEntryView, WhitelistView } from './email-auth.dto.js';

const admins = { 401: 'Not authenticated', 403: 'For administrators only' };

@ApiTags('Settings')
@Controller('api/settings/email-whitelist')
@Requires('admin')
export class TrinityWhitelistController {
  constructor(private readonly whitelist: Whitelist) {}

  @Get()
  @ApiOperation({ summary: 'Addresses that may sign in by e-mail, newest first' })
  @ApiOkResponse({ type: WhitelistView })
  @Refuses(admins)
  async list(@Who() who: Principal): Promise<WhitelistView> {
    return { whitelist: (await this.whitelist.list(who)).map((entry) => WhitelistEntryView.of(entry)) };
  }

  @Post()
  @ApiOperation({ summary: 'Let an address sign in by e-mail' })
  @ApiOkResponse({ type: WhitelistedView })
  @Refuses({ ...admins, 400: 'Not an e-mail address', 409: 'It is there already', 422: 'The address is missing' })
  async add(@Who() who: Principal, @Body() body: WhitelistBody): Promise<WhitelistedView> {
    return { success: true, email: await this.whitelist.add(who, body.email) };
  }

  @Delete(':email')
  @ApiParam({ name: 'email', example: 'ada@example.com' })
  @ApiOperation({
    summary: 'Stop letting an address sign in by e-mail',
    description: 'An account it has stays, and so do its logins.',
  })
  @ApiOkResponse({ type: WhitelistedView })
  @Refuses({ ...admins, 404: 'It is not there' })
  async remove(@Who() who: Principal, @Param('email') email: string): Promise<WhitelistedView> {
    return { success: true, email: await this.whitelist.remove(who, email) };
  }
}
