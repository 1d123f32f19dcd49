import { Agent } from '../../../src/core/agents/agent.entity.js';
import { pathWords, systemAgentName } from '../../../src/core/agents/agent.rules.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { text, time } from '../../support/trinity-shapes.js';

describe('the system agent', () => {
  let fleet: Fleet;
  let ada: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    ada = await fleet.givenUser('ada', { email: 'ada@example.com' });
  });
  afterAll(() => fleet.close());

  const status = () => ada.get('/api/system-agent/status');

  it('is not there, and says so', async () => {
    expect(await status()).toMatchObject({
      status: 200,
      body: { exists: false, status: 'not_found', message: text, name: systemAgentName },
    });
    expect((await fleet.admin.get(`/api/agents/${systemAgentName}`)).status).toBe(404);
  });

  it.each([systemAgentName, 'Trinity System', ...pathWords])('nobody may call an agent %s', async (name) => {
    const made = await fleet.admin.post('/api/agents', { name });
    expect([made.status, made.body]).toEqual([400, { detail: expect.stringContaining('reserved') }]);
  });

  it.each(['admin', 'ada'] as const)('is neither deleted nor renamed by %s while it is not there', async (who) => {
    const client = who === 'admin' ? fleet.admin : ada;
    const answers = [
      await client.delete(`/api/agents/${systemAgentName}`),
      await client.put(`/api/agents/${systemAgentName}/rename`, { new_name: 'mine' }),
    ];
    expect(answers.map(({ status: code, body }) => [code, body])).toEqual([
      [403, { detail: expect.stringContaining('System agents cannot be deleted') }],
      [403, { detail: expect.stringContaining('System') }],
    ]);
  });

  describe('once there is one', () => {
    beforeAll(async () => {
      await fleet.givenAgent('helper');
      // No route makes one: an installation that ships one puts it there.
      await fleet.db.of(Agent).update({ slug: 'helper' }, { slug: systemAgentName, isSystem: true });
    });

    it('is shown to everybody signed in, and seen by those with access', async () => {
      expect((await status()).body).toEqual({
        exists: true,
        name: systemAgentName,
        status: 'running',
        container_id: text,
        owner: 'admin',
        created_at: time,
        is_system: true,
      });
      expect((await ada.get(`/api/agents/${systemAgentName}`)).status).toBe(403);
      await fleet.admin.post(`/api/agents/${systemAgentName}/share`, { email: 'ada@example.com' });
      expect((await ada.get(`/api/agents/${systemAgentName}`)).body).toMatchObject({
        is_system: true,
        is_shared: true,
      });
      expect((await fleet.admin.get(`/api/agents/${systemAgentName}`)).body).toMatchObject({
        can_share: true,
        can_delete: false,
      });
    });

    it('is stopped, started and talked to as any other', async () => {
      expect((await ada.post(`/api/agents/${systemAgentName}/stop`)).status).toBe(200);
      expect((await status()).body).toMatchObject({ status: 'stopped' });
      expect((await ada.post(`/api/agents/${systemAgentName}/start`)).status).toBe(200);
      expect((await fleet.chat(systemAgentName, '<<say here>>', ada)).body).toMatchObject({ response: 'here' });
    });

    it('is neither deleted nor renamed, whatever it is called', async () => {
      for (const name of [systemAgentName, 'other-system']) {
        await fleet.db.of(Agent).update({ isSystem: true }, { slug: name });
        const [gone, renamed] = [
          await fleet.admin.delete(`/api/agents/${name}`),
          await fleet.admin.put(`/api/agents/${name}/rename`, { new_name: 'mine' }),
        ];
        expect([gone.status, renamed.status]).toEqual([403, 403]);
        expect(JSON.stringify([gone.body, renamed.body])).toMatch(/System.*System/);
      }
      await fleet.db.of(Agent).update({ isSystem: true }, { isSystem: false });
    });
  });
});
