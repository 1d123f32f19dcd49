import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Secret } from '../credentials/secret.js';
import { Unexpected } from '../errors/domain-error.js';
import { JobRunner } from '../jobs/job-runner.js';
import type { ClaimedJob, JobHandler } from '../jobs/job.rules.js';
import { codeMinutes } from './email-codes.js';
import { type Mail, Mailer } from './mailer.port.js';
import { Whitelist } from './whitelist.service.js';

export const codeJob = 'accounts.email_code';

/** Makes a sign-in code and mails it, if the address is on the whitelist. The code is made here, so no job ever holds one. */
@Injectable()
export class EmailCodeJob implements JobHandler, OnModuleInit {
  /** With the pauses between them, well within the ten minutes somebody waits for a mail. */
  readonly attempts = 3;

  constructor(
    private readonly config: Config,
    private readonly db: UnitOfWork,
    private readonly runner: JobRunner,
    private readonly mailer: Mailer,
    private readonly whitelist: Whitelist,
  ) {}

  onModuleInit(): void {
    this.runner.handle(codeJob, this);
  }

  async run(job: ClaimedJob, signal: AbortSignal): Promise<void> {
    const email = (job.payload as { email?: unknown } | null)?.email;
    if (typeof email !== 'string') throw new Unexpected(new Error('a job without an address'));
    const code = await this.db.run((tx) => this.whitelist.codeFor(tx, email));
    if (code) await this.mailer.send(this.mail(email, code), signal);
  }

  private mail(to: string, code: Secret): Mail {
    const text = [
      `${code.reveal()} is your sign-in code for Flotilla at ${this.config.publicUrl}`,
      '',
      `It is good for ${codeMinutes} minutes, once. Nobody of ours will ever ask you for it.`,
      'If you did not want to sign in, ignore this mail: without the code nobody gets in.',
    ].join('\n');
    return { to, subject: 'Your sign-in code', text };
  }
}
