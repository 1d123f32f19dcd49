import { adminPassword, boot, type Flotilla } from '../../support/boot.js';
import { bootFleet } from '../../support/fleet.js';
import { TrinityClient } from '../../support/trinity-client.js';

describe('settings', () => {
  let flotilla: Flotilla;
  let admin: TrinityClient;
  beforeAll(async () => {
    flotilla = await boot();
    admin = await new TrinityClient(flotilla.url).signIn('admin', adminPassword);
  });
  afterAll(() => flotilla.close());

  it('are kept, changed and forgotten', async () => {
    const kept = { key: 'theme', value: 'dark', updated_at: expect.stringMatching(/Z$/) };
    expect((await admin.get('/api/settings/theme')).status).toBe(404);
    expect(await admin.put('/api/settings/theme', { value: 'dark' })).toMatchObject({ status: 200, body: kept });
    expect((await admin.get('/api/settings/theme')).body).toEqual(kept);
    await admin.put('/api/settings/theme', { value: 'light' });
    expect((await admin.get('/api/settings/theme')).body).toMatchObject({ value: 'light' });
    expect((await admin.delete('/api/settings/theme')).body).toEqual({ success: true, deleted: true });
    expect((await admin.delete('/api/settings/theme')).body).toEqual({ success: true, deleted: false });
  });

  it.each([
    ['theme', {}, 422],
    ['theme', { value: 5 }, 422],
    ['theme', { value: 'a\0b' }, 422],
    ['a%20b', { value: 'x' }, 400],
    ['a%00b', { value: 'x' }, 400],
    ['ops', { value: 'x' }, 404],
    ['email-whitelist', { value: 'x' }, 404],
  ])('PUT %s %j -> %d', async (key, body, expected) => {
    expect((await admin.put(`/api/settings/${key}`, body)).status).toBe(expected);
  });

  it('of fleet operation have defaults and name what is unknown', async () => {
    const key = 'ops_context_warning_threshold';
    const view = { default: '75', description: expect.any(String) };
    const read = async () => (await admin.get<{ settings: object }>('/api/settings/ops/config')).body.settings;

    expect(await read()).toMatchObject({ [key]: { ...view, value: '75', is_default: true } });
    const changed = await admin.put('/api/settings/ops/config', { settings: { [key]: '60', nonsense: 'x' } });
    expect([changed.status, changed.body]).toEqual([200, { success: true, updated: [key], ignored: ['nonsense'] }]);
    expect(await read()).toMatchObject({ [key]: { ...view, value: '60', is_default: false } });

    const again = await admin.put('/api/settings/ops/config', { settings: { [key]: '75' } });
    expect(again.body).toEqual({ success: true, updated: [key], ignored: null });
  });

  it.each([
    [{}, 422],
    [{ settings: 'x' }, 422],
    [{ settings: { ops_context_warning_threshold: 5 } }, 400],
  ])('ops/config %j -> %d', async (body, expected) => {
    expect((await admin.put('/api/settings/ops/config', body)).status).toBe(expected);
  });
});

describe('SSH access that is off at first', () => {
  it('is what ops/config shows, and is turned on there', async () => {
    const fleet = await bootFleet({ env: { TRINITY_SSH_ACCESS: 'false' } });
    try {
      await fleet.givenAgent('closed');
      const { body } = await fleet.admin.get<{ settings: object }>('/api/settings/ops/config');
      const shown = { value: 'false', default: 'false', is_default: true };
      expect(body.settings).toMatchObject({ ssh_access_enabled: shown });
      const ask = () => fleet.admin.post('/api/agents/closed/ssh-access', { generate_key: true });
      expect((await ask()).body).toEqual({ detail: expect.stringContaining('SSH access is disabled') });
      await fleet.admin.put('/api/settings/ops/config', { settings: { ssh_access_enabled: 'true' } });
      // This server has no gateway; it is asked for only where access is allowed.
      expect((await ask()).status).toBe(503);
    } finally {
      await fleet.close();
    }
  });
});

describe('SSH access for administrators only', () => {
  it('is refused to the owner of an agent', async () => {
    const fleet = await bootFleet({ env: { TRINITY_SSH_ADMIN_ONLY: 'true' } });
    try {
      const ada = await fleet.givenUser('ada');
      await fleet.givenAgent('hers', {}, ada);
      const ask = (as: TrinityClient) => as.post('/api/agents/hers/ssh-access', { generate_key: true });
      const refused = await ask(ada);
      expect([refused.status, refused.body]).toEqual([403, { detail: 'Admin access required' }]);
      // This server has no gateway; it is asked for only where access is allowed.
      expect((await ask(fleet.admin)).status).toBe(503);
    } finally {
      await fleet.close();
    }
  });
});
