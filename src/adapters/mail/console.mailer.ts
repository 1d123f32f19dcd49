import { type Mail, Mailer } from '../../core/accounts/mailer.port.js';

/**
 * Without a mail server: mails appear on the server's standard output, for whoever started it. Not in the log, which goes to
 * standard error, is kept, and is read by more people.
 */
export class ConsoleMailer extends Mailer {
  readonly destination = 'written here: SMTP_URL is not set';

  constructor(private readonly write: (text: string) => void = (text) => void process.stdout.write(text)) {
    super();
  }

  send({ to, subject, text }: Mail): Promise<void> {
    const body = text.trimEnd().replace(/^/gm, '  | ');
    this.write(`Mail for ${to} (not sent: SMTP_URL is not set): ${subject}\n${body}\n`);
    return Promise.resolve();
  }
}
