import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { number, time } from '../../support/trinity-shapes.js';
import { until } from '../../support/until.js';

type Member = Record<string, unknown> & { readonly name: string };

describe('the fleet in the console', () => {
  let fleet: Fleet;
  let ada: TrinityClient;
  let guest: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    ada = await fleet.givenUser('ada', { email: 'ada@example.com', signedIn: true });
    guest = await fleet.givenUser('guest', { email: 'guest@example.com', signedIn: true });
  });
  afterAll(() => fleet.close());

  const members = async (as: TrinityClient, query = ''): Promise<Member[]> => {
    const { status, body } = await as.get<Member[]>(`/~console/fleet${query}`);
    expect(status).toBe(200);
    return body;
  };

  it('is empty at first', async () => {
    expect(await members(ada)).toEqual([]);
  });

  it('shows what runs, with measurements and context, and why the other does not', async () => {
    await fleet.givenAgent('first', {}, ada);
    await fleet.givenAgent('second', {}, ada);
    await ada.post('/api/agents/first/stop');
    await fleet.chat('second', '<<say hello>>', ada);
    const [second, first, ...rest] = await until('the running one was measured', async () => {
      const list = await members(ada);
      return typeof list[0]?.['memory_used_bytes'] === 'number' && list;
    });
    expect(rest).toEqual([]);
    const common = { display_name: expect.any(String), owner: 'ada', is_owner: true, is_shared: false };
    const more = { is_system: false, tags: [], runtime: 'scripted', autonomy_enabled: false, read_only_enabled: false };
    expect(second).toEqual({
      ...common,
      ...more,
      name: 'second',
      status: 'running',
      state: 'running',
      reason: null,
      cpu_percent: number,
      memory_used_bytes: number,
      memory_limit_bytes: number,
      context_percent: number,
      activity: 'idle',
      created: time,
    });
    expect(first).toMatchObject({
      ...more,
      name: 'first',
      status: 'stopped',
      state: 'stopped',
      cpu_percent: null,
      memory_used_bytes: null,
      context_percent: null,
      activity: 'offline',
    });
  });

  it('says who works', async () => {
    const chat = fleet.chat('second', '<<hang>>', ada);
    await until('it works', async () => (await members(ada))[0]?.['activity'] === 'active');
    await ada.post('/api/agents/second/stop');
    await chat;
    await ada.post('/api/agents/second/start');
  });

  it('shows others what is shared with them, and administrators everything', async () => {
    expect(await members(guest)).toEqual([]);
    const { agentId } = await fleet.instanceOf('second');
    const share = { agentId, email: 'guest@example.com', sharedById: 'x', createdAt: new Date() };
    await fleet.db.run((tx) => tx.of(AgentShare).insert(share));
    expect(await members(guest)).toMatchObject([{ name: 'second', owner: 'ada', is_owner: false, is_shared: true }]);
    const all = await members(fleet.admin);
    expect(all).toMatchObject([{ name: 'second', is_shared: false }, { name: 'first' }]);
  });

  it('is filtered by tags', async () => {
    await fleet.db.query(`update agents set tags = '["prod","web"]'::jsonb where slug = 'first'`);
    expect((await members(ada, '?tags=PROD,%20other')).map(({ name }) => name)).toEqual(['first']);
    expect(await members(ada, '?tags=none')).toEqual([]);
    expect(await members(ada, '?tags=,')).toHaveLength(2);
  });
});
