import { randomBytes } from 'node:crypto';
import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Secret } from '../credentials/secret.js';
import { Forbidden, Invalid } from '../errors/domain-error.js';
import { minPasswordLength } from './account.rules.js';
import { Passwords } from './passwords.js';
import { firstAdmin, isSetUp } from './setup.js';
import { User } from './user.entity.js';
import { UsersService } from './users.service.js';

export interface FirstRun {
  readonly username: string;
  /** Only from the start that made it; it is stored nowhere but as a hash, so whoever starts the server prints it once. */
  readonly generatedPassword: Secret | null;
  /** Where the administrator's password comes from: settings, made up just now, an earlier start, or there is none yet. */
  readonly source: 'environment' | 'generated' | 'kept' | 'asked';
}

/** The first administrator, and whether the installation has been set up. */
@Injectable()
export class AccountsService implements OnApplicationBootstrap {
  private readonly log = new Logger(AccountsService.name);
  private outcome: FirstRun = { username: firstAdmin, generatedPassword: null, source: 'kept' };

  constructor(
    private readonly config: Config,
    private readonly db: UnitOfWork,
    private readonly users: UsersService,
    private readonly passwords: Passwords,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const configured = this.config.adminPassword;
    const admin = await this.db.of(User).findOneBy({ username: firstAdmin });
    if (!admin) await this.create(configured);
    else if (configured) await this.adopt(admin, configured);
    else if (admin.passwordHash === null) this.outcome = { ...this.outcome, source: 'asked' };
  }

  /** How the administrator's password was set when this process started. */
  firstRun(): FirstRun {
    return this.outcome;
  }

  setupCompleted(): Promise<boolean> {
    return isSetUp(this.db);
  }

  /**
   * Sets the administrator's password, once.
   * @throws Forbidden it is set already; Invalid too short, or the two differ
   */
  async completeSetup(password: Secret, confirmation: Secret): Promise<void> {
    const done = new Forbidden('Setup is already completed', 'setup_completed');
    if (await this.setupCompleted()) throw done;
    if (password.reveal().length < minPasswordLength) {
      throw new Invalid(`Password must have at least ${minPasswordLength} characters`, [], 'password_too_short');
    }
    if (password.reveal() !== confirmation.reveal()) {
      throw new Invalid('Passwords do not match', [], 'passwords_differ');
    }
    const hash = await this.passwords.hash(password);
    await this.db.run(async (tx) => {
      const admin = await tx.lock(User, { username: firstAdmin });
      if (!admin || admin.passwordHash !== null) throw done;
      await this.users.setPasswordHash(tx, admin.id, hash);
    });
  }

  private async create(configured: Secret | null): Promise<void> {
    const ask = this.config.firstPassword === 'ask';
    const password = configured ?? (ask ? null : new Secret(randomBytes(15).toString('base64url')));
    const passwordHash = password && (await this.passwords.hash(password));
    const made = await this.db.run(async (tx) => {
      // Two replicas that start together: the lock lets the second one see the first one's administrator.
      await tx.query(`select pg_advisory_xact_lock(hashtext('flotilla first admin'))`);
      if (await tx.of(User).existsBy({ username: firstAdmin })) return false;
      await this.users.create(tx, { username: firstAdmin, email: null, passwordHash, role: 'admin' });
      return true;
    });
    if (!made) return;
    this.log.log(`made the first administrator, ${firstAdmin}`);
    this.outcome = {
      username: firstAdmin,
      generatedPassword: configured ? null : password,
      source: configured ? 'environment' : ask ? 'asked' : 'generated',
    };
  }

  private async adopt(admin: User, configured: Secret): Promise<void> {
    this.outcome = { username: firstAdmin, generatedPassword: null, source: 'environment' };
    if (await this.passwords.matches(configured, admin.passwordHash)) return;
    const hash = await this.passwords.hash(configured);
    await this.db.run((tx) => this.users.setPasswordHash(tx, admin.id, hash));
    this.log.log(`the password of ${firstAdmin} was changed in the settings; earlier logins have ended`);
  }
}
