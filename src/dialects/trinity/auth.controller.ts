import type { IncomingHttpHeaders } from 'node:http';
import { Body, Controller, Get, Headers, Ip, Post, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authenticator } from '../../core/access/authenticator.port.js';
import type { Principal } from '../../core/access/principal.js';
import { AccountsService } from '../../core/accounts/accounts.service.js';
import { EmailCodeRequests } from '../../core/accounts/email-code-requests.js';
import { LoginsService } from '../../core/accounts/logins.service.js';
import { TicketsService, ticketSeconds } from '../../core/accounts/tickets.service.js';
import { Secret } from '../../core/credentials/secret.js';
import { Unauthenticated } from '../../core/errors/domain-error.js';
import { Public, Requires, Who } from '../../platform/http/access.js';
import { bearerOf } from '../shared/credentials.js';
import { Refuses } from './answers.dto.js';
import { cookieOf } from './auth.credentials.js';
import {
  AuthModeView,
  LoggedOutView,
  TicketView,
  TokenBody,
  TokenView,
  ValidateQuery,
  ValidateView,
} from './auth.dto.js';

@ApiTags('Sign-in')
@Controller()
export class TrinityAuthController {
  constructor(
    private readonly logins: LoginsService,
    private readonly accounts: AccountsService,
    private readonly authenticator: Authenticator,
    private readonly tickets: TicketsService,
    private readonly codes: EmailCodeRequests,
  ) {}

  @Post(['token', 'api/token'])
  @Public()
  @ApiOperation({ summary: 'Sign in with user name and password', description: 'The token is good for seven days.' })
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({ type: TokenBody })
  @ApiOkResponse({ type: TokenView })
  @Refuses({
    401: 'Incorrect username or password',
    403: '`setup_required`: no administrator password has been set yet',
    422: 'A field is missing',
    429: 'Too many failures: 5 per account in 15 minutes, 30 per address in 5 minutes',
  })
  async token(@Body() body: TokenBody, @Ip() address: string): Promise<TokenView> {
    const password = new Secret(body.password);
    const { accessToken } = await this.logins.signIn({ username: body.username, password, address });
    return { access_token: accessToken.reveal(), token_type: 'bearer' };
  }

  @Get('api/auth/mode')
  @Public()
  @ApiOperation({ summary: 'Which ways to sign in there are' })
  @ApiOkResponse({ type: AuthModeView })
  async mode(): Promise<AuthModeView> {
    return {
      dev_mode_enabled: false,
      auth0_configured: false,
      email_auth_enabled: this.codes.offered,
      allowed_domain: '',
      setup_completed: await this.accounts.setupCompleted(),
    };
  }

  @Get('api/auth/validate')
  @Public()
  @ApiOperation({
    summary: 'Whether a token is good',
    description: 'Taken from the Authorization header, the cookie `token` or the parameter `token`, in this order.',
  })
  @ApiOkResponse({ type: ValidateView })
  @Refuses({ 401: 'No token provided, or it is not good' })
  async validate(@Headers() headers: IncomingHttpHeaders, @Query() query: ValidateQuery): Promise<ValidateView> {
    const value = bearerOf(headers)?.value ?? cookieOf(headers, 'token') ?? query.token;
    if (!value) throw new Unauthenticated('No token provided', 'no_token');
    const who = await this.authenticator.authenticate({ kind: 'bearer', value }, 'trinity');
    if (!who) throw new Unauthenticated('Invalid token', 'invalid_token');
    return { status: 'valid', user: who.username };
  }

  @Post('api/auth/logout')
  @Requires('account')
  @ApiOperation({ summary: 'Sign out', description: 'The token used for this call is refused from now on.' })
  @ApiOkResponse({ type: LoggedOutView })
  @Refuses({ 401: 'Not authenticated' })
  async logout(@Who() who: Principal): Promise<LoggedOutView> {
    await this.logins.signOut(who);
    return { status: 'logged_out' };
  }

  @Post('api/ws/ticket')
  @Requires('events:read')
  @ApiOperation({ summary: 'A ticket for one WebSocket connection', description: 'Good once, for 30 seconds.' })
  @ApiOkResponse({ type: TicketView })
  @Refuses({ 401: 'Not authenticated' })
  ticket(@Who() who: Principal): TicketView {
    return { ticket: this.tickets.issue(who).reveal(), expires_in: ticketSeconds };
  }
}
