import { createServer, type Server } from 'node:net';
import { ConsoleMailer } from './console.mailer.js';
import { SmtpMailer } from './smtp.mailer.js';
import { portOf, SmtpPeer } from '../../../test/support/smtp-peer.js';
import { Secret } from '../../core/credentials/secret.js';

const mail = { to: 'ada@example.com', subject: 'Your sign-in code', text: '123456 is your code\nGood for a while' };
const never = new AbortController().signal;

describe('mail by SMTP', () => {
  let peer: SmtpPeer;
  beforeAll(async () => (peer = await SmtpPeer.start({ user: 'flotilla', password: 'p@ss word' })));
  afterAll(() => peer.close());
  const mailer = (login = 'flotilla:p%40ss%20word@') =>
    new SmtpMailer(new Secret(`smtp://${login}127.0.0.1:${peer.port}`), 'fleet@example.com');

  it('hands over one mail to one address', async () => {
    await mailer().send(mail, never);
    expect(peer.mails).toEqual([{ from: 'fleet@example.com', to: ['ada@example.com'], text: expect.any(String) }]);
    const [received] = peer.mails;
    expect(received?.text).toContain('Subject: Your sign-in code\r\n');
    expect(received?.text).toContain('To: ada@example.com\r\n');
    expect(received?.text).toContain('From: fleet@example.com\r\n');
    expect(received?.text).toContain('\r\n\r\n123456 is your code\r\nGood for a while');
  });

  it('says where it goes without saying a secret', () => {
    expect(mailer().destination).toBe(`smtp://127.0.0.1:${peer.port}`);
  });

  it('fails where the password is wrong, and keeps it to itself', async () => {
    const failed = mailer('flotilla:wr0ng-password@').send(mail, never);
    const error = await failed.then(
      () => null,
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toMatchObject({ kind: 'upstream', message: 'The mail server did not take the mail' });
    expect((error?.cause as Error).message).not.toContain('wr0ng');
  });

  it('fails where the address is refused', async () => {
    await expect(mailer().send({ ...mail, to: 'refused@example.com' }, never)).rejects.toMatchObject({
      kind: 'upstream',
    });
  });
});

describe('mail to a server that is dead', () => {
  const send = (port: number, deadlineMs: number, signal = never) =>
    new SmtpMailer(new Secret(`smtp://127.0.0.1:${port}`), 'fleet@example.com', deadlineMs).send(mail, signal);
  let silent: Server;
  beforeAll(async () => {
    silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
  });
  afterAll(() => silent.close());

  it('fails at once where nobody listens', async () => {
    await expect(send(1, 10_000)).rejects.toMatchObject({ kind: 'upstream' });
  });

  it('fails in a bounded time where nobody answers', async () => {
    await expect(send(portOf(silent), 200)).rejects.toMatchObject({ kind: 'upstream' });
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    const sending = send(portOf(silent), 60_000, stop.signal);
    stop.abort();
    await expect(sending).rejects.toMatchObject({ kind: 'upstream' });
  });
});

describe('mail to the console', () => {
  it('shows what would have been sent, and to whom', async () => {
    const written: string[] = [];
    await new ConsoleMailer((text) => void written.push(text)).send(mail);
    expect(written.join('')).toBe(
      'Mail for ada@example.com (not sent: SMTP_URL is not set): Your sign-in code\n' +
        '  | 123456 is your code\n  | Good for a while\n',
    );
  });
});
