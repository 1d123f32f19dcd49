import { createServer } from 'node:net';
import { JsonLogger } from '../../../src/platform/logging/logger.js';
import { AuditEntry } from '../../../src/core/audit/audit.entity.js';
import { JobsService } from '../../../src/core/jobs/jobs.service.js';
import { UnitOfWork } from '../../../src/platform/database/unit-of-work.js';
import { adminPassword, boot, type Flotilla } from '../../support/boot.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { codeIn } from '../../support/outbox.js';
import { portOf, SmtpPeer } from '../../support/smtp-peer.js';
import { TrinityClient } from '../../support/trinity-client.js';
import { number, text, time } from '../../support/trinity-shapes.js';
import { until } from '../../support/until.js';

const sent = { success: true, message: text };
const wrong = { detail: 'Invalid or expired verification code' };
const ask = (as: TrinityClient, email: string) => as.post('/api/auth/email/request', { email });
const verify = (as: TrinityClient, email: string, code: string) => as.post('/api/auth/email/verify', { email, code });

describe('sign-in by e-mail', () => {
  let fleet: Fleet;
  let anyone: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    anyone = new TrinityClient(fleet.url);
  });
  afterAll(() => fleet.close());

  const enter = async (email: string): Promise<TrinityClient> => {
    const before = fleet.outbox.to(email).length;
    await ask(anyone, email);
    const { status, body } = await verify(anyone, email, await fleet.outbox.codeFor(email, before + 1));
    if (status !== 200) throw new Error(`${email}: ${status} ${JSON.stringify(body)}`);
    return anyone.as(String(body['access_token']));
  };

  it('is offered', async () => {
    expect((await anyone.get('/api/auth/mode')).body).toMatchObject({ email_auth_enabled: true });
  });

  it('lets somebody in whom an agent was shared with before they had an account', async () => {
    await fleet.givenAgent('shown');
    await fleet.admin.post('/api/agents/shown/share', { email: 'New@Example.com' });
    const { body: list } = await fleet.admin.get('/api/settings/email-whitelist');
    expect(list).toEqual({
      whitelist: [
        {
          id: number,
          email: 'new@example.com',
          added_by: text,
          added_by_username: 'admin',
          added_at: time,
          source: 'agent_sharing',
          default_role: 'user',
        },
      ],
    });

    expect([(await ask(anyone, ' NEW@example.com')).body, fleet.outbox.to('new@example.com').length]).toEqual([
      sent,
      0,
    ]);
    const code = await fleet.outbox.codeFor('new@example.com');
    const { status, body } = await verify(anyone, 'new@example.com', code);
    expect([status, body]).toEqual([
      200,
      {
        access_token: text,
        token_type: 'bearer',
        user: { username: 'new@example.com', email: 'new@example.com', role: 'user', name: null, picture: null },
      },
    ]);
    const guest = anyone.as(String(body['access_token']));
    expect((await guest.get('/api/agents/shown')).body).toMatchObject({ name: 'shown', is_shared: true });
    expect((await guest.get('/api/users/me')).body).toMatchObject({ username: 'new@example.com' });

    const again = await verify(anyone, 'new@example.com', code);
    expect([again.status, again.body]).toEqual([401, wrong]);

    await fleet.admin.delete('/api/agents/shown/share/new%40example.com');
    expect((await guest.get('/api/agents/shown')).status).toBe(403);
    // Taking a share back closes no account.
    expect((await guest.get('/api/users/me')).status).toBe(200);
    await enter('new@example.com');
  });

  it('tells nobody whether an address is known', async () => {
    await fleet.admin.post('/api/settings/email-whitelist', { email: 'known@example.com' });
    const answers = [];
    for (let i = 0; i < 5; i++)
      answers.push(await ask(anyone, 'known@example.com'), await ask(anyone, 'unknown@example.com'));
    expect(answers.map(({ status, body }) => [status, body])).toEqual(answers.map(() => [200, sent]));
    // A mail for somebody else, asked for later, has come: so everything asked before was done.
    await fleet.admin.post('/api/settings/email-whitelist', { email: 'fence@example.com' });
    await enter('fence@example.com');
    const mails = fleet.outbox.to('known@example.com').length;
    expect(mails).toBeGreaterThan(0);
    expect(mails).toBeLessThanOrEqual(3);
    expect(fleet.outbox.to('unknown@example.com')).toEqual([]);
    const refused = [
      await verify(anyone, 'known@example.com', 'abcdef'),
      await verify(anyone, 'unknown@example.com', '123456'),
      await verify(anyone, 'nonsense', '123456'),
    ];
    expect(refused.map(({ status, body }) => [status, body])).toEqual(refused.map(() => [401, wrong]));
  });

  it.each([
    ['/api/auth/email/request', {}, 422],
    ['/api/auth/email/request', { email: 5 }, 422],
    ['/api/auth/email/request', { email: 'nonsense' }, 400],
    ['/api/auth/email/request', { email: 'a@example.com\r\nBcc: b@example.com' }, 400],
    ['/api/auth/email/verify', {}, 422],
    ['/api/auth/email/verify', { email: 'a@example.com' }, 422],
    ['/api/auth/email/verify', { email: 'a@example.com', code: 123456 }, 422],
    ['/api/auth/email/verify', { email: 'a@example.com', code: '' }, 401],
    ['/api/auth/email/verify', { email: 'a\0@example.com', code: '123456' }, 401],
    ['/api/settings/email-whitelist', {}, 422],
    ['/api/settings/email-whitelist', { email: 'nonsense' }, 400],
    ['/api/settings/email-whitelist', { email: 'known@example.com' }, 409],
  ])('%s with %j answers %d', async (path, body, expected) => {
    expect((await fleet.admin.post(path, body)).status).toBe(expected);
  });

  it('stops after five wrong codes, and writes down what happened', async () => {
    await fleet.admin.post('/api/settings/email-whitelist', { email: 'guessed@example.com' });
    await ask(anyone, 'guessed@example.com');
    const code = await fleet.outbox.codeFor('guessed@example.com');
    const other = code === '000000' ? '000001' : '000000';
    for (let i = 0; i < 5; i++) expect((await verify(anyone, 'guessed@example.com', other)).status).toBe(401);
    const { status, headers } = await verify(anyone, 'guessed@example.com', code);
    expect([status, Number(headers.get('retry-after')) > 500]).toEqual([429, true]);
    const entries = await fleet.db.of(AuditEntry).findBy({ action: 'user.sign_in_throttled' });
    expect(entries).toMatchObject([{ result: 'refused', data: { means: 'email', limit: 'code' } }]);
  });

  it('proves an address of somebody who signs in with a password', async () => {
    const ada = await fleet.givenUser('ada', { signedIn: true });
    await fleet.admin.post('/api/agents/shown/share', { email: 'ada@example.com' });
    await ada.put('/api/users/me/email', { email: 'ada@example.com' });
    expect((await ada.get('/api/agents/shown')).status).toBe(403);
    const bad = await ada.put('/api/users/me/email', { email: 'ada@example.com', code: 'nonsense' });
    expect([bad.status, bad.body]).toEqual([400, wrong]);
    await ask(anyone, 'ada@example.com');
    const code = await fleet.outbox.codeFor('ada@example.com');
    const { status, body } = await ada.put('/api/users/me/email', { email: 'ada@example.com', code });
    expect([status, body]).toEqual([200, { success: true, email: 'ada@example.com' }]);
    expect((await ada.get('/api/agents/shown')).status).toBe(200);
    expect((await (await enter('ada@example.com')).get('/api/users/me')).body).toMatchObject({ username: 'ada' });
  });

  it('ends for an address that is taken off the list; its logins stay', async () => {
    const guest = await enter('fence@example.com');
    const { status, body } = await fleet.admin.delete('/api/settings/email-whitelist/FENCE@example.com');
    expect([status, body]).toEqual([200, { success: true, email: 'fence@example.com' }]);
    expect((await fleet.admin.delete('/api/settings/email-whitelist/fence@example.com')).status).toBe(404);
    expect((await guest.get('/api/users/me')).status).toBe(200);
    const mails = fleet.outbox.to('fence@example.com').length;
    await ask(anyone, 'fence@example.com');
    await fleet.admin.post('/api/settings/email-whitelist', { email: 'second-fence@example.com' });
    await enter('second-fence@example.com');
    expect(fleet.outbox.to('fence@example.com')).toHaveLength(mails);
  });
});

describe('sign-in by e-mail with a mail server', () => {
  let peer: SmtpPeer;
  let flotilla: Flotilla;
  const lines: string[] = [];
  beforeAll(async () => {
    peer = await SmtpPeer.start({ user: 'mailer', password: 'canary-of-smtp' });
    flotilla = await boot({
      env: {
        SMTP_URL: `smtp://mailer:canary-of-smtp@127.0.0.1:${peer.port}`,
        SMTP_FROM: 'Fleet@Example.com',
        FLOTILLA_PUBLIC_URL: 'https://fleet.example.com',
      },
      logger: new JsonLogger('debug', { write: (line) => void lines.push(line) }),
    });
  });
  afterAll(async () => {
    await flotilla.close();
    await peer.close();
  });

  it('mails a code that works, and logs neither code nor password', async () => {
    const anyone = new TrinityClient(flotilla.url);
    const admin = await anyone.signIn('admin', adminPassword);
    await admin.post('/api/settings/email-whitelist', { email: 'ada@example.com' });
    await ask(anyone, 'ada@example.com');
    const mail = await until('the mail came', () => peer.mails[0]);
    expect(mail).toMatchObject({ to: ['ada@example.com'] });
    const [, body = ''] = mail.text.split('\r\n\r\n');
    expect(body).toContain('https://fleet.example.com');
    const code = codeIn(body);
    const answer = await verify(anyone, 'ada@example.com', code);
    expect(answer.status).toBe(200);
    const log = lines.join('');
    expect(log).not.toContain('canary-of-smtp');
    expect(log).not.toMatch(new RegExp(`(?<!\\d)${code}(?!\\d)`));
  });
});

describe('sign-in by e-mail with a dead mail server', () => {
  it('answers as ever, tries again in vain, and says so in the log only', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const port = portOf(holder);
    await new Promise((resolve) => holder.close(resolve));
    const lines: string[] = [];
    const flotilla = await boot({
      env: { SMTP_URL: `smtp://127.0.0.1:${port}` },
      logger: new JsonLogger('info', { write: (line) => void lines.push(line) }),
    });
    try {
      const anyone = new TrinityClient(flotilla.url);
      const admin = await anyone.signIn('admin', adminPassword);
      await admin.post('/api/settings/email-whitelist', { email: 'ada@example.com' });
      const { status, body } = await ask(anyone, 'ada@example.com');
      expect([status, body]).toEqual([200, sent]);
      const job = await until('it was given up', async () => {
        const [found] = await flotilla.app.get(JobsService).list({ kind: 'accounts.email_code' });
        return found?.state === 'failed' && found;
      });
      expect(job).toMatchObject({ attempts: 3, reason: 'The mail server did not take the mail' });
      expect(lines.join('')).toContain('The mail server did not take the mail');
      expect(lines.join('')).not.toContain('ada@example.com');
    } finally {
      await flotilla.close();
    }
  });
});

describe('sign-in by e-mail that is switched off', () => {
  it('says so, invites nobody, and leaves sharing as it is', async () => {
    const fleet = await bootFleet({ env: { FLOTILLA_EMAIL_SIGN_IN: 'false' } });
    try {
      const anyone = new TrinityClient(fleet.url);
      expect((await anyone.get('/api/auth/mode')).body).toMatchObject({ email_auth_enabled: false });
      const { status, body } = await ask(anyone, 'ada@example.com');
      expect([status, body]).toEqual([403, { detail: 'Email authentication is disabled' }]);
      await fleet.givenAgent('quiet');
      expect((await fleet.admin.post('/api/agents/quiet/share', { email: 'ada@example.com' })).status).toBe(200);
      expect((await fleet.admin.get('/api/settings/email-whitelist')).body).toEqual({ whitelist: [] });
      const rows = await fleet.app.get(UnitOfWork).query('select 1 from agent_shares');
      expect(rows).toHaveLength(1);
    } finally {
      await fleet.close();
    }
  });
});
