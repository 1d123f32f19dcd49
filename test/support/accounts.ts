import { Access } from '../../src/core/access/access.service.js';
import type { Principal, Role } from '../../src/core/access/principal.js';
import { AccountAuthenticator } from '../../src/core/accounts/account-authenticator.js';
import { AccountsService } from '../../src/core/accounts/accounts.service.js';
import { ApiKeysService } from '../../src/core/accounts/api-keys.service.js';
import { EmailAccounts } from '../../src/core/accounts/email-accounts.js';
import { EmailCodes } from '../../src/core/accounts/email-codes.js';
import { EmailLogins } from '../../src/core/accounts/email-logins.service.js';
import { KeyUsage } from '../../src/core/accounts/key-usage.js';
import { LoginThrottle } from '../../src/core/accounts/login-throttle.js';
import { LoginTokens } from '../../src/core/accounts/login-tokens.js';
import { LoginsService } from '../../src/core/accounts/logins.service.js';
import { Passwords } from '../../src/core/accounts/passwords.js';
import { PrincipalCache } from '../../src/core/accounts/principal-cache.js';
import { Principals } from '../../src/core/accounts/principals.js';
import { Revocations } from '../../src/core/accounts/revocations.js';
import { SignIns } from '../../src/core/accounts/sign-ins.js';
import { TicketsService } from '../../src/core/accounts/tickets.service.js';
import type { User } from '../../src/core/accounts/user.entity.js';
import { UsersService } from '../../src/core/accounts/users.service.js';
import { Whitelist } from '../../src/core/accounts/whitelist.service.js';
import { Audit } from '../../src/core/audit/audit.service.js';
import type { Config } from '../../src/config/config.js';
import { Secret } from '../../src/core/credentials/secret.js';
import type { Notifications } from '../../src/platform/database/notifications.js';
import type { UnitOfWork } from '../../src/platform/database/unit-of-work.js';
import { ManualClock } from './manual-clock.js';

/** A cache that hears nothing remembers nothing. */
const unheard = {} as Notifications;

/** Instead of a password: the first visitor chooses it. */
export const askFirst = Symbol('ask');

/** The accounts part of the server on a given database, wired by hand, with a clock that a test moves. */
export class AccountsFixture {
  readonly config: Config;
  readonly users: UsersService;
  readonly accounts: AccountsService;
  readonly logins: LoginsService;
  readonly usage: KeyUsage;
  readonly keys: ApiKeysService;
  readonly tickets: TicketsService;
  readonly authenticator: AccountAuthenticator;
  readonly access: Access;
  readonly codes: EmailCodes;
  readonly whitelist: Whitelist;
  readonly emailLogins: EmailLogins;

  constructor(
    readonly db: UnitOfWork,
    adminPassword: string | typeof askFirst | null = null,
    readonly clock = new ManualClock(),
    readonly passwords = new Passwords(),
    cache = new PrincipalCache(db, unheard, clock),
  ) {
    const masterKey = new Secret('master-key-of-a-test-32-bytes-long');
    const password = typeof adminPassword === 'string' ? new Secret(adminPassword) : null;
    const firstPassword = adminPassword === askFirst ? 'ask' : 'generate';
    this.config = { masterKey, adminPassword: password, firstPassword, emailSignIn: true } as Config;
    const audit = new Audit(clock);
    const tokens = new LoginTokens(this.config, clock);
    const principals = new Principals(db, cache);
    const revocations = new Revocations(db, clock);
    const throttle = new LoginThrottle(db, clock);
    const signIns = new SignIns(db, tokens, throttle, audit);
    this.users = new UsersService(db, clock, audit);
    this.accounts = new AccountsService(this.config, db, this.users, passwords);
    this.logins = new LoginsService(db, passwords, throttle, signIns, revocations);
    this.usage = new KeyUsage(db, clock);
    this.keys = new ApiKeysService(db, clock, this.usage, audit);
    this.tickets = new TicketsService(this.config, clock, principals, revocations);
    this.authenticator = new AccountAuthenticator(tokens, principals, this.usage, this.tickets, clock);
    this.access = new Access(db);
    this.codes = new EmailCodes(this.config, clock);
    this.whitelist = new Whitelist(this.config, db, clock, audit, this.codes);
    const holders = new EmailAccounts(this.users, clock, audit);
    this.emailLogins = new EmailLogins(db, throttle, signIns, this.whitelist, holders);
  }

  async user(username: string, options: { role?: Role; email?: string | null; password?: string } = {}): Promise<User> {
    const { role = 'user', email = null, password } = options;
    const passwordHash = password === undefined ? null : await this.passwords.hash(new Secret(password));
    return this.db.run((tx) => this.users.create(tx, { username, email, passwordHash, role }));
  }

  signIn(username: string, password: string, address = '192.0.2.1'): Promise<string> {
    return this.logins
      .signIn({ username, password: new Secret(password), address })
      .then(({ accessToken }) => accessToken.reveal());
  }

  bearer(value: string, dialect = 'trinity'): Promise<Principal | null> {
    return this.authenticator.authenticate({ kind: 'bearer', value }, dialect);
  }

  /** A caller by API key: needs no password, so it is quick. */
  async caller(username: string, options: { role?: Role; email?: string | null } = {}): Promise<Principal> {
    const user = await this.user(username, options);
    const holder = { userId: user.id, orgId: user.personalOrgId, agentId: null };
    const { value } = await this.db.run((tx) => this.keys.issue(tx, holder, { dialect: 'trinity', label: 'test' }));
    const who = await this.bearer(value.reveal());
    if (!who) throw new Error('a key just made is not accepted');
    return who;
  }
}
