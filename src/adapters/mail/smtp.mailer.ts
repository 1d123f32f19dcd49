import { createTransport } from 'nodemailer';
import { type Mail, Mailer } from '../../core/accounts/mailer.port.js';
import type { Secret } from '../../core/credentials/secret.js';
import { Upstream } from '../../core/errors/domain-error.js';

/** A server that says nothing is given up after this long, and one that dribbles after `mostMs`. */
const patience = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 15_000, dnsTimeout: 10_000 };
const mostMs = 30_000;

/** Hands mail to the SMTP server that the settings name. A connection per mail: there are few. */
export class SmtpMailer extends Mailer {
  readonly destination: string;

  /**
   * @param url `smtp://user:password@host:587` (STARTTLS where the server offers it) or `smtps://...`
   * @param from address that mails come from
   */
  constructor(
    private readonly url: Secret,
    private readonly from: string,
    private readonly deadlineMs = mostMs,
  ) {
    super();
    const { protocol, host } = new URL(url.reveal());
    this.destination = `${protocol}//${host}`;
  }

  async send({ to, subject, text }: Mail, signal: AbortSignal): Promise<void> {
    const transport = createTransport({ ...optionsOf(this.url), ...patience, pool: false });
    const late = AbortSignal.any([signal, AbortSignal.timeout(this.deadlineMs)]);
    let stop: () => void = () => undefined;
    const given = new Promise<never>((_resolve, reject) => {
      stop = () => reject(new Error('it took too long, or the server stops'));
      late.addEventListener('abort', stop, { once: true });
    });
    // Addresses as values, not as text to be parsed: one address stays one address.
    const message = { from: this.from, to: { name: '', address: to }, subject, text };
    try {
      late.throwIfAborted();
      await Promise.race([transport.sendMail({ ...message, envelope: { from: this.from, to: [to] } }), given]);
    } catch (error) {
      throw new Upstream('The mail server did not take the mail', 'mail_failed', { cause: error });
    } finally {
      late.removeEventListener('abort', stop);
      transport.close();
    }
  }
}

/** Settings of nodemailer from a URL; `?name=value` may add its own, such as `?tls.servername=mail.example.com`. */
const optionsOf = (url: Secret): { readonly url: string } => ({ url: url.reveal() });
