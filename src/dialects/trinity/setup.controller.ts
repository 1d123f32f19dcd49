import { Body, Controller, Get, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AccountsService } from '../../core/accounts/accounts.service.js';
import { Secret } from '../../core/credentials/secret.js';
import { Public } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { AdminPasswordBody, SetupDoneView, SetupStatusView } from './setup.dto.js';

@ApiTags('Set-up')
@Controller('api/setup')
export class TrinitySetupController {
  constructor(private readonly accounts: AccountsService) {}

  @Get('status')
  @Public()
  @ApiOperation({ summary: 'Whether the first administrator has a password' })
  @ApiOkResponse({ type: SetupStatusView })
  async status(): Promise<SetupStatusView> {
    return { setup_completed: await this.accounts.setupCompleted() };
  }

  @Post('admin-password')
  @Public()
  @ApiOperation({ summary: "Set the first administrator's password", description: 'Works once.' })
  @ApiOkResponse({ type: SetupDoneView })
  @Refuses({
    400: 'Shorter than 8 characters, or the two do not match',
    403: 'Set-up is already completed',
    422: 'A field is missing',
  })
  async setAdminPassword(@Body() body: AdminPasswordBody): Promise<SetupDoneView> {
    await this.accounts.completeSetup(new Secret(body.password), new Secret(body.confirm_password));
    return { success: true };
  }
}
