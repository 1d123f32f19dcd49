import { type Mail, Mailer } from '../../src/core/accounts/mailer.port.js';
import { until } from './until.js';

/** Keeps mails instead of sending them. */
export class Outbox extends Mailer {
  readonly destination = 'kept for a test';
  readonly mails: Mail[] = [];

  send(mail: Mail): Promise<void> {
    this.mails.push(mail);
    return Promise.resolve();
  }

  to(address: string): Mail[] {
    return this.mails.filter(({ to }) => to === address);
  }

  /** The code in the newest mail to an address; waits until there are `count` of them. */
  codeFor(address: string, count = 1): Promise<string> {
    return until(`${count} mails to ${address}`, () => {
      const mails = this.to(address);
      return mails.length >= count && codeIn(mails.at(-1)?.text ?? '');
    });
  }
}

/** The six digits of a mail. */
export function codeIn(text: string): string {
  const code = /(?<!\d)\d{6}(?!\d)/.exec(text)?.[0];
  if (code === undefined) throw new Error('a mail without a code');
  return code;
}
