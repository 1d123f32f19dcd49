import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { EmailLogins } from '../../core/accounts/email-logins.service.js';
import { UsersService } from '../../core/accounts/users.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { EmailBody, EmailView, MeView, RoleBody, RoleView, UserView } from './users.dto.js';

@ApiTags('Users')
@Controller('api/users')
export class TrinityUsersController {
  constructor(
    private readonly users: UsersService,
    private readonly emails: EmailLogins,
  ) {}

  @Get('me')
  @Requires('account')
  @ApiOperation({ summary: 'Your own profile' })
  @ApiOkResponse({ type: MeView })
  @Refuses({ 401: 'Not authenticated' })
  async me(@Who() who: Principal): Promise<MeView> {
    return MeView.of(await this.users.me(who));
  }

  @Put('me/email')
  @Requires('account')
  @ApiOperation({
    summary: 'Set your e-mail address',
    description:
      'Agents are shared with e-mail addresses. What is shared with this one is yours once you have proven it: send along as `code` what `POST /api/auth/email/request` mailed to it.',
  })
  @ApiOkResponse({ type: EmailView })
  @Refuses({
    400: 'Not an e-mail address, or a wrong code',
    401: 'Not authenticated',
    409: 'In use by somebody else',
    422: 'Missing',
    429: 'Five codes were tried for this address in ten minutes',
  })
  async setEmail(@Who() who: Principal, @Body() body: EmailBody): Promise<EmailView> {
    const { email } = body.code
      ? await this.emails.prove(who, body.email, body.code)
      : await this.users.setEmail(who, body.email);
    return { success: true, email };
  }

  @Get()
  @Requires('admin')
  @ApiOperation({ summary: 'All users' })
  @ApiOkResponse({ type: [UserView] })
  @Refuses({ 401: 'Not authenticated', 403: 'For administrators only' })
  async list(@Who() who: Principal): Promise<UserView[]> {
    return (await this.users.list(who)).map((user) => UserView.of(user));
  }

  @Put(':username/role')
  @ApiParam({ name: 'username', example: 'ada' })
  @Requires('admin')
  @ApiOperation({ summary: "Change a user's role", description: 'Acts on the next request of that user.' })
  @ApiOkResponse({ type: RoleView })
  @Refuses({
    400: 'Your own role, or no such role',
    401: 'Not authenticated',
    403: 'For administrators only',
    404: 'No such user',
    409: 'The last administrator',
    422: 'The role is missing',
  })
  async setRole(@Who() who: Principal, @Param('username') username: string, @Body() body: RoleBody): Promise<RoleView> {
    const user = await this.users.setRole(who, username, body.role);
    return { username: user.username, role: user.role };
  }
}
