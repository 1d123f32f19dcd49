import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { ApiKeysService } from '../../../src/core/accounts/api-keys.service.js';
import { Agent } from '../../../src/core/agents/agent.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';

describe('permissions between agents', () => {
  let fleet: Fleet;
  let ada: TrinityClient;
  let bob: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    ada = await fleet.givenUser('ada', { email: 'ada@example.com' });
    bob = await fleet.givenUser('bob', { email: 'bob@example.com' });
    for (const name of ['one', 'two', 'three']) await fleet.givenAgent(name, {}, ada);
    await fleet.givenAgent('foreign', {}, bob);
  });
  afterAll(() => fleet.close());

  const agentOf = (slug: string): Promise<Agent> => fleet.db.of(Agent).findOneByOrFail({ slug });
  const permitted = async (name: string, as = ada): Promise<unknown> => {
    const { body } = await as.get<{ permitted_agents: { name: string }[] }>(`/api/agents/${name}/permissions`);
    return body.permitted_agents.map((one) => one.name);
  };
  const share = async (slug: string, email: string): Promise<void> => {
    const { id: agentId } = await agentOf(slug);
    await fleet.db.run((tx) => tx.of(AgentShare).insert({ agentId, email, sharedById: 'x', createdAt: new Date() }));
  };

  it('let agents of one owner call each other, and show who sees what', async () => {
    const { status, body } = await ada.get('/api/agents/one/permissions');
    const shown = (name: string) => ({ name, status: 'running', type: 'business-assistant', permitted: true });
    const others = [shown('three'), shown('two')];
    expect([status, body]).toEqual([200, { source_agent: 'one', permitted_agents: others, available_agents: others }]);
    const all = await fleet.admin.get<{ available_agents: object[] }>('/api/agents/one/permissions');
    expect(all.body.available_agents).toEqual([{ ...shown('foreign'), permitted: false }, ...others]);
  });

  it('are decided as a whole, without itself', async () => {
    const put = (names: unknown) => ada.put('/api/agents/one/permissions', { permitted_agents: names });
    expect((await put(['two', 'one', 'two'])).body).toEqual({
      status: 'updated',
      source_agent: 'one',
      permitted_count: 1,
    });
    expect(await permitted('one')).toEqual(['two']);
    expect(await permitted('two')).toEqual(['one', 'three']);
    expect((await put([])).body['permitted_count']).toBe(0);
    expect(await permitted('one')).toEqual([]);
    expect((await put(['two', 'three'])).body['permitted_count']).toBe(2);
  });

  it.each([
    [['nobody'], 400],
    [['foreign'], 400],
    [['\u0000'], 400],
    [['\ud800'], 422],
    ['two', 422],
    [[1], 422],
    [null, 422],
  ])('refuse %j', async (names, status) => {
    const answer = await ada.put('/api/agents/one/permissions', { permitted_agents: names });
    expect(answer.status).toBe(status);
    expect(await permitted('one')).toEqual(['three', 'two']);
  });

  it('are given and taken one by one', async () => {
    const change = async (method: 'post' | 'delete', target: string) => {
      const { status, body } = await ada[method](`/api/agents/one/permissions/${target}`);
      return [status, body['status'] ?? body['detail']];
    };
    expect(await change('post', 'two')).toEqual([200, 'already_exists']);
    expect(await change('delete', 'two')).toEqual([200, 'removed']);
    expect(await change('delete', 'two')).toEqual([200, 'not_found']);
    expect(await permitted('one')).toEqual(['three']);
    expect(await change('post', 'two')).toEqual([200, 'added']);
    expect(await change('post', 'one')).toEqual([400, 'An agent needs no permission for itself']);
    expect(await change('delete', 'one')).toEqual([200, 'not_found']);
    expect(await change('post', 'nobody')).toEqual([400, 'Unknown agent: nobody']);
    expect(await change('post', 'foreign')).toEqual([400, 'Unknown agent: foreign']);
    expect(await change('delete', 'nobody')).toEqual([200, 'not_found']);
  });

  it('are for owners to change', async () => {
    await share('two', 'bob@example.com');
    expect((await bob.get('/api/agents/two/permissions')).status).toBe(200);
    expect((await bob.put('/api/agents/two/permissions', { permitted_agents: [] })).status).toBe(403);
    expect((await bob.post('/api/agents/two/permissions/foreign')).status).toBe(403);
    expect((await bob.get('/api/agents/one/permissions')).status).toBe(403);
  });

  it("decide what an agent's own key may call, and end with a share", async () => {
    const own = async (slug: string): Promise<TrinityClient> => {
      const agent = await agentOf(slug);
      const holder = { userId: agent.ownerId, orgId: agent.orgId, agentId: agent.id };
      const key = await fleet.db.run((tx) =>
        fleet.app.get(ApiKeysService).issue(tx, holder, { dialect: 'trinity', label: 'test' }),
      );
      return fleet.admin.as(key.value.reveal());
    };
    const one = await own('one');
    const answer = await fleet.chat('two', '<<say from two>>', one);
    expect([answer.status, answer.body['response']]).toEqual([200, 'from two']);
    const turns = await fleet.db.query('select source_agent_id as source from turns');
    expect(turns).toEqual([{ source: (await agentOf('one')).id }]);

    await ada.delete('/api/agents/one/permissions/two');
    expect((await fleet.chat('two', '<<say no>>', one)).status).toBe(403);
    expect((await one.get('/api/agents/two')).status).toBe(403);
    expect((await fleet.chat('foreign', '<<say no>>', one)).status).toBe(403);

    const foreign = await own('foreign');
    expect((await fleet.chat('two', '<<say no>>', foreign)).status).toBe(403);
    expect((await bob.post('/api/agents/foreign/permissions/two')).body['status']).toBe('added');
    expect((await fleet.chat('two', '<<say yes>>', foreign)).body['response']).toBe('yes');
    await fleet.db.query('delete from agent_shares');
    expect((await fleet.chat('two', '<<say no>>', foreign)).status).toBe(403);
  });

  it('go with the agent, and stay over a rename', async () => {
    await ada.put('/api/agents/one/permissions', { permitted_agents: ['three'] });
    await ada.put('/api/agents/three/rename', { new_name: 'fourth' });
    expect(await permitted('one')).toEqual(['fourth']);
    expect((await ada.delete('/api/agents/fourth')).status).toBe(200);
    expect(await permitted('one')).toEqual([]);
    await fleet.givenAgent('fourth', {}, ada);
    expect(await permitted('one')).toEqual(['fourth']);
    expect(await permitted('fourth')).toEqual(['one', 'two']);
  });
});
