import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { number, time } from '../../support/trinity-shapes.js';
import { until } from '../../support/until.js';

describe('the fleet at once', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  let guest: TrinityClient;
  let stranger: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    guest = await fleet.givenUser('guest', { email: 'guest@example.com' });
    stranger = await fleet.givenUser('stranger');
    await fleet.givenAgent('asleep');
    await fleet.givenAgent('awake');
    await admin.post('/api/agents/asleep/stop');
    const { agentId } = await fleet.instanceOf('awake');
    const share = { agentId, email: 'guest@example.com', sharedById: 'x', createdAt: new Date() };
    await fleet.db.run((tx) => tx.of(AgentShare).insert(share));
  });
  afterAll(() => fleet.close());

  const offline = {
    name: 'asleep',
    status: 'stopped',
    activityState: 'offline',
    contextPercent: 0,
    contextUsed: 0,
    contextMax: 200_000,
    lastActivityTime: null,
  };
  const stats = async (as = admin): Promise<unknown[]> => {
    const { status, body } = await as.get<{ agents: unknown[] }>('/api/agents/context-stats');
    expect(status).toBe(200);
    return body.agents;
  };

  describe('context-stats', () => {
    it('knows of no activity before there was any', async () => {
      const awake = { ...offline, name: 'awake', status: 'running', activityState: 'idle' };
      expect(await stats()).toEqual([awake, offline]);
    });

    it('shows what a conversation uses, and idle after it', async () => {
      await fleet.chat('awake', '<<say hello>>');
      const [awake] = (await stats()) as [Record<string, unknown>];
      expect(awake).toMatchObject({ activityState: 'idle', contextUsed: number, lastActivityTime: time });
      await fleet.db.query(`update sessions set context_used = 50000, context_max = 100000`);
      expect((await stats())[0]).toMatchObject({ contextUsed: 50_000, contextMax: 100_000, contextPercent: 50 });
    });

    it('shows what is at work as active', async () => {
      const chat = fleet.chat('awake', '<<hang>>');
      await until('it is active', async () => (await stats()).some((one) => isActive(one)));
      await admin.post('/api/agents/awake/stop');
      await chat;
      const stopped = (await stats()) as Record<string, unknown>[];
      expect(stopped.map(({ activityState }) => activityState)).toEqual(['offline', 'offline']);
      await admin.post('/api/agents/awake/start');
    });

    it('takes what began a minute ago for idle', async () => {
      await fleet.db.query(`insert into activities (id, agent_id, type, state, triggered_by, started_at)
        select 'old', id, 'chat', 'started', 'user', now() - interval '61 seconds' from agents where slug = 'awake'`);
      await fleet.db.query(`delete from activities where id <> 'old'`);
      expect((await stats())[0]).toMatchObject({ activityState: 'idle' });
      await fleet.db.query(`update activities set started_at = now() where id = 'old'`);
      expect((await stats())[0]).toMatchObject({ activityState: 'active' });
      await fleet.db.query(`delete from activities`);
    });

    it('is for agents one may see', async () => {
      expect(await stats(guest)).toMatchObject([{ name: 'awake' }]);
      expect(await stats(stranger)).toEqual([]);
    });
  });

  it('autonomy-status names agents that are no system agents', async () => {
    await fleet.db.query(`update agents set autonomy = true where slug = 'awake'`);
    const status = async (as: TrinityClient): Promise<unknown> => (await as.get('/api/agents/autonomy-status')).body;
    expect(await status(admin)).toEqual({ awake: { autonomy_enabled: true }, asleep: { autonomy_enabled: false } });
    expect(await status(guest)).toEqual({ awake: { autonomy_enabled: true } });
    expect(await status(stranger)).toEqual({});
    await fleet.db.query(`update agents set is_system = true where slug = 'asleep'`);
    expect(await status(admin)).toEqual({ awake: { autonomy_enabled: true } });
    await fleet.db.query(`update agents set is_system = false where slug = 'asleep'`);
  });

  it.each(['context-stats', 'autonomy-status'])('%s wins over an agent of that name', async (word) => {
    await fleet.db.query(`update agents set slug = $1 where slug = 'asleep'`, [word]);
    expect((await admin.get(`/api/agents/${word}`)).status).toBe(200);
    await fleet.db.query(`update agents set slug = 'asleep' where slug = $1`, [word]);
    expect((await admin.delete(`/api/agents/${word}`)).status).toBeGreaterThanOrEqual(404);
  });

  describe('tags', () => {
    const tags = '/api/agents/awake/tags';
    const tagged = (...all: string[]) => [200, { agent_name: 'awake', tags: all }];
    const answer = async (call: Promise<{ status: number; body: unknown }>): Promise<unknown[]> => {
      const { status, body } = await call;
      return [status, body];
    };

    it('are none at first', async () => {
      expect(await answer(admin.get(tags))).toEqual(tagged());
      expect(await answer(admin.get('/api/tags'))).toEqual([200, { tags: [] }]);
    });

    it('are replaced, added and removed, as often as one likes', async () => {
      expect(await answer(admin.put(tags, { tags: ['Web', ' prod ', 'web'] }))).toEqual(tagged('prod', 'web'));
      expect(await answer(admin.post(`${tags}/Alpha`))).toEqual(tagged('alpha', 'prod', 'web'));
      expect(await answer(admin.post(`${tags}/alpha`))).toEqual(tagged('alpha', 'prod', 'web'));
      expect(await answer(admin.delete(`${tags}/ALPHA`))).toEqual(tagged('prod', 'web'));
      expect(await answer(admin.delete(`${tags}/alpha`))).toEqual(tagged('prod', 'web'));
      expect(await answer(guest.get(tags))).toEqual(tagged('prod', 'web'));
    });

    it('are counted over what one may see', async () => {
      await admin.put('/api/agents/asleep/tags', { tags: ['web', 'beta'] });
      const counts = async (as: TrinityClient): Promise<unknown> => (await as.get('/api/tags')).body;
      const web = { tag: 'web', count: 2 };
      expect(await counts(admin)).toEqual({ tags: [web, { tag: 'beta', count: 1 }, { tag: 'prod', count: 1 }] });
      expect(await counts(guest)).toEqual({ tags: ['prod', 'web'].map((tag) => ({ tag, count: 1 })) });
      expect(await counts(stranger)).toEqual({ tags: [] });
    });

    it.each([
      ['?tags=prod', ['awake']],
      ['?tags=BETA,%20prod', ['awake', 'asleep']],
      ['?tags=none', []],
      ['?tags=', ['awake', 'asleep']],
      ['?tags=%20,,', ['awake', 'asleep']],
    ])('filter lists: %s', async (query, names) => {
      const { body } = await admin.get<{ name: string }[]>(`/api/agents${query}`);
      expect(body.map(({ name }) => name)).toEqual(names);
    });

    it.each<[string, string, unknown, number]>([
      ['PUT', '', {}, 422],
      ['PUT', '', { tags: 'web' }, 422],
      ['PUT', '', { tags: [1] }, 422],
      ['PUT', '', { tags: ['a b'] }, 400],
      ['PUT', '', { tags: [''] }, 400],
      ['PUT', '', { tags: Array.from({ length: 101 }, (_, index) => `t${index}`) }, 400],
      ['POST', '/a_b', undefined, 400],
      ['POST', `/${'x'.repeat(51)}`, undefined, 400],
      ['POST', '/%20', undefined, 400],
      ['DELETE', '/a%00b', undefined, 400],
    ])('refuse %s%s %j', async (method, path, json, status) => {
      const refused = await fleet.request(method, tags + path, { token: admin.token ?? '', json });
      expect([refused.status, Object.keys(refused.body as object)]).toEqual([status, ['detail']]);
      expect((await admin.get(tags)).body['tags']).toEqual(['prod', 'web']);
    });

    it('announce that they changed, not what they are, and only then', async () => {
      const events = await fleet.events();
      await admin.post(`${tags}/prod`);
      await admin.post(`${tags}/secretive`);
      const event = await events.event((one) => one['type'] === 'agent_tags_changed');
      expect(event).toEqual({
        type: 'agent_tags_changed',
        agent_name: 'awake',
        timestamp: time,
        id: expect.any(String),
      });
      expect(JSON.stringify(event)).not.toContain('secretive');
      events.close();
    });

    it('survive a rename and go with the agent', async () => {
      await admin.put('/api/agents/asleep/rename', { new_name: 'renamed' });
      expect((await admin.get('/api/agents/renamed/tags')).body['tags']).toEqual(['beta', 'web']);
      await admin.delete('/api/agents/renamed');
      expect((await admin.get<{ tags: unknown[] }>('/api/tags')).body.tags).toHaveLength(3);
    });
  });
});

const isActive = (one: unknown): boolean => (one as Record<string, unknown>)['activityState'] === 'active';
