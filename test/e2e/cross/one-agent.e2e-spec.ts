import { publicIdOf } from '../../../src/dialects/hostedagents/words.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

interface Talk {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

/** One agent is the same in every API: the same container, conversations and history, each API with its own words and ids. */
describe('one agent in several APIs', () => {
  let fleet: Fleet;
  let hosted: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    hosted = await fleet.hosted();
  });
  afterAll(() => fleet.close());

  const at = (id: string): string => `/api/v1/agents/${id}`;
  const seen = (id: string, fields: object): Promise<unknown> =>
    until(`it is ${JSON.stringify(fields)}`, async () => {
      const { body } = await hosted.get(at(id));
      return Object.entries(fields).every(([name, value]) => body[name] === value);
    });
  const containerOf = async (name: string): Promise<string> => (await fleet.instanceOf(name)).ref ?? 'none';

  it('made with a prompt in one API, it goes on in the same conversation in the other', async () => {
    const made = await hosted.post<{ agentId: string; sessions: { id: string }[] }>('/api/v1/agents', {
      name: 'Shared work',
      initialPrompt: 'first <<say one>>',
    });
    const { agentId } = made.body;
    await seen(agentId, { busy: false });
    const trinity = await fleet.admin.get('/api/agents/shared-work');
    expect(trinity.body).toMatchObject({ name: 'shared-work', status: 'running', is_owner: true });
    expect(publicIdOf((await fleet.instanceOf('shared-work')).agentId)).toBe(agentId);
    expect(trinity.body['container_id']).toBe(await containerOf('shared-work'));

    await fleet.admin.put('/~console/agents/shared-work/settings', { approvals: 'auto' });
    expect((await fleet.chat('shared-work', 'second <<write two.txt two>> <<say two>>')).status).toBe(200);
    const { body } = await hosted.get<{ sessions: { id: string; busy: boolean }[] }>(at(agentId));
    expect(body.sessions.map(({ id }) => id)).toEqual(made.body.sessions.map(({ id }) => id));
    const history = await fleet.admin.get<Talk['messages']>('/api/agents/shared-work/chat/history');
    const said = history.body.filter(({ role }) => role === 'user').map(({ content }) => content);
    expect(said).toEqual(['first <<say one>>', 'second <<write two.txt two>> <<say two>>']);
  });

  it('made in the other API, it is listed, stopped, renamed and deleted here', async () => {
    await fleet.givenAgent('classic');
    await fleet.chat('classic', 'hello <<say hi>>');
    const agentId = publicIdOf((await fleet.instanceOf('classic')).agentId);
    const container = await containerOf('classic');
    const { body } = await hosted.get(at(agentId));
    expect(body).toMatchObject({
      agentId,
      name: 'classic',
      status: 'RUNNING',
      busy: false,
      sessions: [{ busy: false }],
    });
    expect(body).not.toHaveProperty('container_id');

    await hosted.post(`${at(agentId)}/stop`);
    expect((await fleet.admin.get('/api/agents/classic')).body).toMatchObject({ status: 'stopped' });
    await fleet.admin.post('/api/agents/classic/start');
    await seen(agentId, { status: 'RUNNING' });
    expect(await containerOf('classic')).toBe(container);

    await fleet.admin.put('/api/agents/classic/rename', { new_name: 'modern' });
    expect((await hosted.get(at(agentId))).body).toMatchObject({ agentId, name: 'modern', status: 'STOPPED' });
    expect((await hosted.patch(at(agentId), { name: 'Free text ✓' })).status).toBe(200);
    expect((await fleet.admin.get('/api/agents/modern')).status).toBe(200);
    expect((await hosted.delete(at(agentId))).body).toEqual({ deleted: true });
    expect((await fleet.admin.get('/api/agents/modern')).body).toEqual({ detail: 'Agent not found' });
    expect((await hosted.get(at(agentId))).body).toEqual({ error: 'Agent not found', code: 'agent_not_found' });
  });

  it('keys of one API open nothing in the other', async () => {
    expect((await hosted.get('/api/agents')).status).toBe(401);
    const key = String((await fleet.admin.post('/api/mcp/keys', { name: 'k' })).body['api_key']);
    expect((await hosted.as(key).get('/api/v1/agents')).status).toBe(401);
  });
});
