import { Global, Module } from '@nestjs/common';
import { Access } from '../access/access.service.js';
import { Authenticator } from '../access/authenticator.port.js';
import { AccountAuthenticator } from './account-authenticator.js';
import { AccountsService } from './accounts.service.js';
import { AgentKeys } from './agent-keys.service.js';
import { ApiKeysService } from './api-keys.service.js';
import { EmailAccounts } from './email-accounts.js';
import { EmailCodeRequests } from './email-code-requests.js';
import { EmailCodeJob } from './email-code.job.js';
import { EmailCodes } from './email-codes.js';
import { EmailLogins } from './email-logins.service.js';
import { KeyUsage } from './key-usage.js';
import { LastingAccess } from './lasting-access.service.js';
import { LoginThrottle } from './login-throttle.js';
import { LoginTokens } from './login-tokens.js';
import { LoginsService } from './logins.service.js';
import { Passwords } from './passwords.js';
import { PrincipalCache } from './principal-cache.js';
import { Principals } from './principals.js';
import { Revocations } from './revocations.js';
import { SignIns } from './sign-ins.js';
import { TicketsService } from './tickets.service.js';
import { UsersService } from './users.service.js';
import { Whitelist } from './whitelist.service.js';

/** Who people are, how they sign in, and what they may do. */
@Global()
@Module({
  providers: [
    Access,
    AccountAuthenticator,
    AccountsService,
    AgentKeys,
    ApiKeysService,
    EmailAccounts,
    EmailCodeJob,
    EmailCodeRequests,
    EmailCodes,
    EmailLogins,
    KeyUsage,
    LastingAccess,
    LoginThrottle,
    LoginTokens,
    LoginsService,
    Passwords,
    PrincipalCache,
    Principals,
    Revocations,
    SignIns,
    TicketsService,
    UsersService,
    Whitelist,
    { provide: Authenticator, useExisting: AccountAuthenticator },
  ],
  exports: [
    Access,
    AccountAuthenticator,
    AccountsService,
    AgentKeys,
    ApiKeysService,
    Authenticator,
    EmailCodeRequests,
    EmailLogins,
    LastingAccess,
    LoginsService,
    TicketsService,
    UsersService,
    Whitelist,
  ],
})
export class AccountsModule {}
