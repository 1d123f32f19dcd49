import { Body, Controller, Ip, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { EmailCodeRequests } from '../../core/accounts/email-code-requests.js';
import { EmailLogins } from '../../core/accounts/email-logins.service.js';
import { Public } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { CodeBody, CodeRequestBody, CodeRequestedView, EmailTokenView } from './email-auth.dto.js';

@ApiTags('Sign-in')
@Controller('api/auth/email')
export class TrinityEmailAuthController {
  constructor(
    private readonly requests: EmailCodeRequests,
    private readonly logins: EmailLogins,
  ) {}

  @Post('request')
  @Public()
  @ApiOperation({
    summary: 'Ask for a sign-in code by e-mail',
    description:
      'Addresses on the whitelist get one; every address gets the same answer, and so does a fourth request within ten minutes.',
  })
  @ApiOkResponse({ type: CodeRequestedView })
  @Refuses({
    400: 'Not an e-mail address',
    403: '`setup_required`, or sign-in by e-mail is switched off',
    422: 'The address is missing',
  })
  async request(@Body() body: CodeRequestBody, @Ip() address: string): Promise<CodeRequestedView> {
    await this.requests.request(body.email, address);
    return { success: true, message: 'If this address may sign in, a code is on its way.' };
  }

  @Post('verify')
  @Public()
  @ApiOperation({
    summary: 'Sign in with a code',
    description: 'A code is good for ten minutes, once. The first sign-in makes the account.',
  })
  @ApiOkResponse({ type: EmailTokenView })
  @Refuses({
    401: 'Invalid or expired verification code',
    422: 'A field is missing',
    429: 'Five codes were tried for this address in ten minutes',
  })
  async verify(@Body() { email, code }: CodeBody, @Ip() address: string): Promise<EmailTokenView> {
    const { login, user } = await this.logins.signIn({ email, code, address });
    return EmailTokenView.of(login.accessToken.reveal(), user);
  }
}
