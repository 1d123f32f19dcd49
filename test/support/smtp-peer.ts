import type { AddressInfo, Server } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Head and body as they came. */
  readonly text: string;
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** A real SMTP server on loopback that keeps what it is given. Refuses `refused@...`, and a wrong password if it has one. */
export class SmtpPeer {
  readonly mails: ReceivedMail[] = [];
  private readonly server: SMTPServer;

  private constructor(login: { readonly user: string; readonly password: string } | null) {
    this.server = new SMTPServer({
      authOptional: login === null,
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      onAuth: ({ username, password }, _session, done) => {
        const good = login === null || (username === login.user && password === login.password);
        done(good ? null : new Error('535 wrong'), good ? { user: username } : undefined);
      },
      onRcptTo: ({ address }, _session, done) => {
        done(address.startsWith('refused@') ? new Error('550 no such mailbox') : null);
      },
      onData: (stream, { envelope }, done) => {
        const parts: Buffer[] = [];
        stream.on('data', (part: Buffer) => parts.push(part));
        stream.on('end', () => {
          const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
          const to = envelope.rcptTo.map(({ address }) => address);
          this.mails.push({ from, to, text: Buffer.concat(parts).toString('utf8') });
          done();
        });
      },
    });
    this.server.on('error', () => undefined);
  }

  static async start(login: { readonly user: string; readonly password: string } | null = null): Promise<SmtpPeer> {
    const peer = new SmtpPeer(login);
    await new Promise<void>((resolve) => peer.server.listen(0, '127.0.0.1', resolve));
    return peer;
  }

  get port(): number {
    return portOf(this.server.server);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(resolve));
  }
}
