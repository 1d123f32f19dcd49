import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Forbidden, LimitReached } from '../errors/domain-error.js';
import { JobsService } from '../jobs/jobs.service.js';
import { digest, emailOf } from './account.rules.js';
import { codeJob } from './email-code.job.js';
import { LoginThrottle } from './login-throttle.js';
import { isSetUp } from './setup.js';

/** Asking for a sign-in code. What happens then happens later, so that neither answer nor time tells whether an address is known. */
@Injectable()
export class EmailCodeRequests {
  constructor(
    private readonly config: Config,
    private readonly db: UnitOfWork,
    private readonly throttle: LoginThrottle,
    private readonly jobs: JobsService,
  ) {}

  /** Whether people may sign in by e-mail at all. */
  get offered(): boolean {
    return this.config.emailSignIn;
  }

  /**
   * Three times in ten minutes for an address; what is asked beyond that is dropped in silence.
   * @throws Forbidden not offered, or `setup_required`; Invalid no address
   */
  async request(address: string, from: string): Promise<void> {
    if (!(await isSetUp(this.db))) throw new Forbidden('setup_required', 'setup_required');
    if (!this.offered) throw new Forbidden('Email authentication is disabled', 'email_sign_in_disabled');
    const email = emailOf(address);
    try {
      await this.throttle.spend('codeRequestAddress', from);
      await this.throttle.spend('codeRequest', email);
    } catch (error) {
      if (error instanceof LimitReached) return;
      throw error;
    }
    const key = digest(email);
    await this.db.run((tx) => this.jobs.enqueue(tx, { kind: codeJob, key, payload: { email } }));
  }
}
