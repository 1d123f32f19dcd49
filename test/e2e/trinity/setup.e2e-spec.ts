import { startLines } from '../../../src/start-lines.js';
import { adminPassword, boot, type Flotilla } from '../../support/boot.js';
import { TrinityClient } from '../../support/trinity-client.js';

const env = { FLOTILLA_ADMIN_PASSWORD: '', FLOTILLA_FIRST_PASSWORD: 'ask' };

describe('the first set-up, where no password is made up', () => {
  let flotilla: Flotilla;
  let anyone: TrinityClient;
  const start = async (dataDir?: string): Promise<void> => {
    flotilla = await boot({ env, ...(dataDir ? { dataDir } : {}) });
    anyone = new TrinityClient(flotilla.url);
  };
  beforeAll(() => start());
  afterAll(() => flotilla.close());

  const completed = async (): Promise<unknown[]> => [
    (await anyone.get('/api/setup/status')).body,
    (await anyone.get('/api/auth/mode')).body['setup_completed'],
  ];
  const set = (password: string, confirm_password = password) =>
    anyone.post('/api/setup/admin-password', { password, confirm_password });

  it('is needed, also after a restart, and is what the start line tells', async () => {
    expect(await completed()).toEqual([{ setup_completed: false }, false]);
    await flotilla.close({ keep: true });
    await start(flotilla.dataDir);
    expect(await completed()).toEqual([{ setup_completed: false }, false]);
    expect(startLines(flotilla.app, flotilla.config)).toContain('none yet: whoever opens');
  });

  it('comes before every sign-in', async () => {
    const refused = { detail: 'setup_required' };
    for (const password of ['', 'admin', adminPassword]) {
      const { status, body } = await anyone.form('/token', { username: 'admin', password: password || 'x' });
      expect([status, body]).toEqual([403, refused]);
    }
    const code = await anyone.post('/api/auth/email/request', { email: 'ada@example.com' });
    expect([code.status, code.body]).toEqual([403, refused]);
    expect((await anyone.get('/api/agents')).status).toBe(401);
  });

  it.each<[string, object, number, unknown]>([
    ['a short one', { password: 'seven-7', confirm_password: 'seven-7' }, 400, expect.stringContaining('8 characters')],
    ['two', { password: 'long enough', confirm_password: 'another one' }, 400, expect.stringContaining('match')],
    ['half of it', { password: 'long enough' }, 422, expect.any(Array)],
    ['nothing', {}, 422, expect.any(Array)],
  ])('refuses %s', async (_what, json, status, detail) => {
    const answer = await anyone.post('/api/setup/admin-password', json);
    expect([answer.status, answer.body]).toEqual([status, { detail }]);
    expect(await completed()).toEqual([{ setup_completed: false }, false]);
  });

  it('works once, of several at the same time too, and then everybody signs in', async () => {
    const answers = await Promise.all(['chosen one', 'chosen two', 'chosen three'].map((word) => set(word)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403]);
    expect(answers.find(({ status }) => status === 200)?.body).toEqual({ success: true });
    expect(await completed()).toEqual([{ setup_completed: true }, true]);
    const again = await set('chosen again');
    expect([again.status, again.body]).toEqual([403, { detail: 'Setup is already completed' }]);
    const winner =
      ['chosen one', 'chosen two', 'chosen three'][answers.findIndex(({ status }) => status === 200)] ?? '';
    expect((await anyone.form('/token', { username: 'admin', password: winner })).status).toBe(200);
    expect((await anyone.form('/token', { username: 'admin', password: 'chosen again' })).status).toBe(401);
  });

  it('stays done after a restart', async () => {
    await flotilla.close({ keep: true });
    await start(flotilla.dataDir);
    expect(await completed()).toEqual([{ setup_completed: true }, true]);
    expect((await set('chosen later')).status).toBe(403);
  });
});
