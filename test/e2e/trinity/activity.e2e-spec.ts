import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { number, text, time } from '../../support/trinity-shapes.js';
import { until } from '../../support/until.js';

const path = '/api/agents/talker';

describe('activity', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    await fleet.givenAgent('talker');
  });
  afterAll(() => fleet.close());

  it('shows the tool at work, then all of them', async () => {
    const running = fleet.chat('talker', '<<bash sleep 2>> <<say slept>>');
    const live = await until('a tool runs', async () => {
      const { body } = await admin.get(`${path}/activity`);
      return body['active_tool'] !== null && body;
    });
    const tool = {
      id: text,
      tool: text,
      input: { command: 'sleep 2' },
      output: null,
      status: 'running',
      started_at: time,
      ended_at: null,
      duration_ms: null,
    };
    expect(live).toMatchObject({ status: 'running', active_tool: tool });
    expect((await running).body['response']).toBe('slept');
    const { body } = await admin.get<{ timeline: { id: string }[] }>(`${path}/activity`);
    expect(body).toMatchObject({ status: 'idle', active_tool: null });
    const one = await admin.get(`${path}/activity/${body.timeline[0]?.id ?? ''}`);
    const ended = { status: 'completed', output: expect.anything(), ended_at: time, duration_ms: number };
    expect([one.status, one.body]).toEqual([200, { ...tool, ...ended }]);
  });

  it('is emptied, while the timeline keeps everything', async () => {
    const before = (await admin.get(`${path}/activities`)).body['count'];
    const cleared = await admin.delete(`${path}/activity`);
    expect([cleared.status, cleared.body]).toEqual([200, { status: 'cleared', message: text }]);
    expect((await admin.get(`${path}/activity`)).body).toMatchObject({ timeline: [], totals: { calls: 0 } });
    expect((await admin.get(`${path}/activities`)).body['count']).toBe(before);
    await fleet.chat('talker', '<<bash true>>');
    expect((await admin.get(`${path}/activity`)).body).toMatchObject({ totals: { calls: 1 } });
  });

  it('is listed newest first, by type and state', async () => {
    const { body } = await admin.get<{ count: number; activities: object[] }>(
      `${path}/activities?activity_type=tool_call&activity_state=completed&limit=1`,
    );
    expect(body).toEqual({
      agent_name: 'talker',
      count: 1,
      activities: [
        {
          id: text,
          agent_name: 'talker',
          activity_type: 'tool_call',
          activity_state: 'completed',
          parent_activity_id: text,
          started_at: time,
          completed_at: time,
          duration_ms: number,
          user_id: text,
          triggered_by: 'user',
          related_chat_message_id: text,
          related_execution_id: text,
          details: expect.any(Object),
          error: null,
          created_at: time,
        },
      ],
    });
    const none = await admin.get(`${path}/activities?activity_type=schedule_start`);
    expect(none.body).toEqual({ agent_name: 'talker', count: 0, activities: [] });
  });

  it('keeps the word it began with when it ends, and goes by the word for its end too', async () => {
    const words = async (query: string): Promise<unknown[]> =>
      (await admin.get<{ activities: Record<string, unknown>[] }>(`${path}/activities?${query}`)).body.activities.map(
        ({ activity_type, activity_state }) => [activity_type, activity_state],
      );
    const done = ['chat_start', 'completed'];
    expect(await words('activity_type=chat_start&activity_state=completed')).toEqual([done, done]);
    expect(await words('activity_type=chat_start&limit=1')).toEqual([done]);
    expect(await words('activity_type=chat_end&limit=1')).toEqual([['chat_end', 'completed']]);
    expect(await words('activity_type=chat_start,chat_end')).toEqual([done, done]);
    expect(await words('activity_type=chat_end&activity_state=started')).toEqual([]);
    const running = fleet.chat('talker', '<<bash sleep 2>> <<say slept>>');
    await until('it works', async () => (await words('activity_type=chat_start&activity_state=started')).length === 1);
    expect(await words('activity_type=chat_end')).toHaveLength(2);
    await running;
  });

  it('of all agents one may see is a timeline', async () => {
    const all = await admin.get<{ activities: { agent_name: string; started_at: string }[] }>(
      '/api/activities/timeline?activity_types=chat_end,tool_call&limit=500',
    );
    expect(new Set(all.body.activities.map((one) => one.agent_name))).toEqual(new Set(['talker']));
    const times = all.body.activities.map((one) => one.started_at);
    expect(times).toEqual([...times].sort().reverse());
    const stranger = await fleet.givenUser('stranger');
    expect((await stranger.get('/api/activities/timeline')).body).toEqual({ count: 0, activities: [] });
  });

  it('is cut by time; a time without a zone is UTC', async () => {
    const count = async (query: string): Promise<unknown> =>
      (await admin.get(`/api/activities/timeline?${query}`)).body['count'];
    expect(await count('start_time=2999-01-01T00:00:00')).toBe(0);
    expect(await count('end_time=2000-01-01')).toBe(0);
    expect(await count('end_time=2999-01-01T00:00:00Z&limit=2')).toBe(2);
    const { body } = await admin.get<{ activities: { started_at: string }[] }>('/api/activities/timeline?limit=1');
    const newest = body.activities[0]?.started_at ?? '';
    expect(await count(`start_time=${newest.replace('Z', '')}`)).toBe(1);
    for (const bad of ['soon', '2026-13-45', '2026-W05']) {
      const refused = await admin.get(`/api/activities/timeline?start_time=${bad}`);
      expect(refused.body).toEqual({ detail: [{ loc: ['query', 'start_time'], msg: text, type: text }] });
    }
  });
});
