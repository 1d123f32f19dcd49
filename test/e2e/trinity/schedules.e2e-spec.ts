import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { Schedule } from '../../../src/core/autonomy/schedule.entity.js';
import { Scheduler } from '../../../src/core/autonomy/scheduler.service.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { text, time } from '../../support/trinity-shapes.js';
import { until } from '../../support/until.js';

type Execution = Record<string, unknown> & {
  readonly id: string;
  readonly status: string;
  readonly error: string | null;
};

describe('schedules', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  let guest: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    guest = await fleet.givenUser('guest', { email: 'guest@example.com' });
    await fleet.givenAgent('worker');
    await share('worker');
    await admin.put('/api/agents/worker/autonomy', { enabled: true });
  });
  afterAll(() => fleet.close());

  const base = '/api/agents/worker/schedules';
  async function share(name: string): Promise<void> {
    const { agentId } = await fleet.instanceOf(name);
    const row = { agentId, email: 'guest@example.com', sharedById: 'x', createdAt: new Date() };
    await fleet.db.run((tx) => tx.of(AgentShare).insert(row));
  }
  /** A schedule far in the future; answers its id. */
  async function given(message: string, fields: object = {}, as = admin, where = base): Promise<string> {
    const yearly = { name: 'yearly', cron_expression: '0 0 1 1 *', message, ...fields };
    const { status, body } = await as.post(where, yearly);
    expect([status, body]).toEqual([201, expect.anything()]);
    return String(body['id']);
  }
  /** As if its time had come some seconds ago, once; what began is visible afterwards. */
  async function due(id: string, secondsAgo = 5, cron = '0 0 1 1 *'): Promise<void> {
    const nextRunAt = new Date(Date.now() - secondsAgo * 1000);
    await fleet.db.run((tx) => tx.of(Schedule).update({ id }, { nextRunAt, cron }));
    await fleet.app.get(Scheduler).look();
    await fleet.db.run((tx) =>
      tx.of(Schedule).update({ id }, { cron: '0 0 1 1 *', nextRunAt: new Date('2100-01-01') }),
    );
  }
  const runsOf = async (id: string): Promise<Execution[]> =>
    (await admin.get<Execution[]>(`${base}/${id}/executions`)).body;
  const untilOver = (id: string): Promise<Execution> =>
    until('the run is over', async () => {
      const [run] = await runsOf(id);
      return run && run.status !== 'pending' && run.status !== 'running' && run;
    });

  it('are made, read, changed, switched and deleted', async () => {
    const fields = { name: ' Morning ', cron_expression: ' 0  9 * * 1-5', message: 'hi', timezone: 'Europe/Berlin' };
    const made = await admin.post(base, fields);
    expect(made.status).toBe(201);
    const shape = {
      id: text,
      agent_name: 'worker',
      name: 'Morning',
      cron_expression: '0  9 * * 1-5',
      message: 'hi',
      enabled: true,
      timezone: 'Europe/Berlin',
      description: null,
      timeout_seconds: null,
      created_at: time,
      updated_at: time,
      last_run_at: null,
      next_run_at: time,
      will_fire: true,
      will_not_fire_because: null,
    };
    expect(made.body).toEqual(shape);
    const path = `${base}/${String(made.body['id'])}`;
    expect((await admin.get(path)).body).toEqual(shape);
    const off = await admin.put(path, { enabled: false, description: 'every day', timeout_seconds: 120 });
    expect(off.body).toMatchObject({ enabled: false, next_run_at: null, will_fire: false, description: 'every day' });
    expect(off.body['will_not_fire_because']).toBe('The schedule is disabled');
    const id = made.body['id'];
    expect((await admin.post(`${path}/enable`)).body).toEqual({ status: 'enabled', schedule_id: id });
    expect((await admin.post(`${path}/enable`)).status).toBe(200);
    expect((await admin.post(`${path}/disable`)).body).toEqual({ status: 'disabled', schedule_id: id });
    const status = await admin.get('/api/agents/scheduler/status');
    expect(status.body).toMatchObject({ running: true, this_server: true });
    const gone = await admin.delete(path);
    expect([gone.status, gone.body]).toEqual([204, '']);
    expect((await admin.get(path)).status).toBe(404);
    expect((await admin.delete(path)).body).toEqual({ detail: 'Schedule not found' });
  });

  it.each([
    [{ cron_expression: '* * * *' }, 400, 'five fields'],
    [{ cron_expression: '0 0 31 2 *' }, 400, 'no day fits'],
    [{ timezone: 'Nowhere/Land' }, 400, 'time zone'],
    [{ name: '  ' }, 400, 'name must have'],
    [{ name: 'a\u0000b' }, 400, 'NUL'],
    [{ message: '  ' }, 400, 'must not be empty'],
    [{ timeout_seconds: 59 }, 400, 'from 60'],
    [{ timeout_seconds: 3601 }, 400, '3600'],
    [{ enabled: 'yes' }, 422, ''],
    [{ enabled: null }, 422, ''],
    [{ message: null }, 422, ''],
    [{ cron_expression: 5 }, 422, ''],
  ])('refuse %j, when made and when changed', async (fields, expected, says) => {
    const id = await given('hi');
    const answers = [
      await admin.post(base, { name: 'x', cron_expression: '0 9 * * *', message: 'x', ...fields }),
      await admin.put(`${base}/${id}`, fields),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(expected);
      if (says) expect(body['detail']).toContain(says);
    }
    await admin.delete(`${base}/${id}`);
  });

  it('run when they are due, once, and tell what they did', async () => {
    const id = await given('<<write s.txt hi>> <<say written>>', { name: 'Writer' });
    const socket = await fleet.events();
    await due(id);
    await fleet.app.get(Scheduler).look();
    const run = await untilOver(id);
    expect(run).toMatchObject({
      schedule_id: id,
      agent_name: 'worker',
      status: 'success',
      response: 'written',
      error: null,
      triggered_by: 'schedule',
      tool_calls: 1,
      planned_at: time,
      completed_at: time,
    });
    expect(run['cost']).toBeGreaterThan(0);
    expect(await runsOf(id)).toHaveLength(1);
    const detail = await admin.get<{ execution_log: object[] }>(`/api/agents/worker/executions/${run.id}`);
    expect(detail.body.execution_log).toMatchObject([{ tool: 'Write s.txt', success: true }]);
    expect((await admin.get(`${base}/${id}`)).body['last_run_at']).toEqual(time);

    const about = { agent: 'worker', schedule_id: id, execution_id: run.id };
    const started = await socket.event((event) => event['type'] === 'schedule_execution_started');
    expect(started).toMatchObject({ ...about, schedule_name: 'Writer' });
    const completed = await socket.event((event) => event['type'] === 'schedule_execution_completed');
    expect(completed).toMatchObject({ ...about, status: 'success' });
    socket.close();
    const { body } = await admin.get<{ activities: object[] }>(
      '/api/agents/worker/activities?activity_type=schedule_end',
    );
    expect(body.activities).toMatchObject([{ triggered_by: 'schedule', related_execution_id: run.id }]);
  });

  it('are skipped visibly while autonomy is off, and can be triggered all the same', async () => {
    const id = await given('<<say hi>>');
    await admin.put('/api/agents/worker/autonomy', { enabled: false });
    expect((await admin.get(`${base}/${id}`)).body).toMatchObject({
      enabled: true,
      will_fire: false,
      will_not_fire_because: 'Autonomy is off for this agent',
    });
    const socket = await fleet.events();
    await due(id);
    const over = { status: 'skipped', error: 'Autonomy is off for this agent', schedule_id: id };
    const [run] = await runsOf(id);
    expect(run).toMatchObject(over);
    const told = await socket.event((event) => event['type'] === 'schedule_execution_completed');
    expect(told).toMatchObject({ ...over, agent: 'worker', execution_id: run?.id });
    socket.close();
    expect((await admin.get(`${base}/${id}`)).body['last_run_at']).toBeNull();
    const triggered = await admin.post(`${base}/${id}/trigger`);
    expect(triggered.body).toEqual({ status: 'triggered', schedule_id: id, execution_id: text });
    expect(await untilOver(id)).toMatchObject({ status: 'success', triggered_by: 'manual', planned_at: null });
    await admin.put('/api/agents/worker/autonomy', { enabled: true });
  });

  it('do not overlap', async () => {
    const id = await given('<<slow 600 100>>');
    await due(id);
    await until('it runs', async () => (await runsOf(id))[0]?.status === 'running');
    await due(id, 2);
    const [second] = await runsOf(id);
    expect(second).toMatchObject({ status: 'skipped', error: 'The run before it still goes on' });
    expect((await admin.post(`${base}/${id}/trigger`)).status).toBe(409);
    await admin.post('/api/agents/worker/queue/release');
    await until('it is over', async () => (await runsOf(id)).every(({ status }) => status !== 'running'));
    expect((await runsOf(id)).at(-1)).toMatchObject({ status: 'failed', error: 'The run was cancelled' });
  });

  it('make up for the newest run that was missed, and say how many were', async () => {
    const id = await given('<<say late>>');
    await due(id, 5 * 60, '* * * * *');
    const over = await untilOver(id);
    expect(over.status).toBe('success');
    const runs = await runsOf(id);
    expect(runs.map(({ status }) => status).sort()).toEqual(['skipped', 'success']);
    expect(runs.find(({ status }) => status === 'skipped')?.error).toMatch(/^Missed \d runs planned from .* no server/);
    // Too long ago: nothing is made up.
    const yearly = await given('<<say never>>');
    await due(yearly, 3600);
    expect(await runsOf(yearly)).toMatchObject([{ status: 'skipped', error: expect.stringMatching(/^Missed a run/) }]);
  });

  it('fail with a reason when their agent is stopped', async () => {
    await fleet.givenAgent('sleeper');
    await admin.put('/api/agents/sleeper/autonomy', { enabled: true });
    await admin.post('/api/agents/sleeper/stop');
    const id = await given('<<say hi>>', {}, admin, '/api/agents/sleeper/schedules');
    const socket = await fleet.events();
    await due(id);
    const { body } = await admin.get<Execution[]>('/api/agents/sleeper/executions');
    expect(body).toMatchObject([{ status: 'failed', error: expect.stringContaining('The agent is not running') }]);
    expect(await socket.event((event) => event['type'] === 'schedule_execution_completed')).toMatchObject({
      status: 'failed',
      execution_id: body[0]?.id,
    });
    socket.close();
    expect((await admin.post(`/api/agents/sleeper/schedules/${id}/trigger`)).body).toEqual({
      detail: 'Agent is not running',
    });
  });

  it('belong to who made them, as long as they have access', async () => {
    const own = await given('<<say mine>>', {}, guest);
    const others = await given('<<say theirs>>');
    expect((await guest.put(`${base}/${own}`, { name: 'mine' })).status).toBe(200);
    const refused = await guest.put(`${base}/${others}`, { name: 'mine' });
    expect([refused.status, refused.body['detail']]).toEqual([403, expect.stringContaining('Only its creator')]);
    expect((await guest.delete(`${base}/${others}`)).status).toBe(403);
    expect((await admin.put(`${base}/${own}`, { name: 'seen' })).status).toBe(200);
    await fleet.db.run((tx) => tx.of(AgentShare).delete({ email: 'guest@example.com' }));
    await due(own);
    expect(await runsOf(own)).toMatchObject([{ status: 'skipped', error: expect.stringContaining('no access') }]);
    await share('worker');
  });

  it('may be deleted while they run, and so may their agent', async () => {
    const id = await given('<<slow 20 100>> <<say done>>');
    const triggered = await admin.post(`${base}/${id}/trigger`);
    const execution = `/api/agents/worker/executions/${String(triggered.body['execution_id'])}`;
    await until('it runs', async () => (await admin.get<Execution>(execution)).body.status === 'running');
    expect((await admin.delete(`${base}/${id}`)).status).toBe(204);
    const over = await until('it is over', async () => {
      const { body } = await admin.get<Execution>(execution);
      return body.status === 'success' && body;
    });
    expect(over['schedule_id']).toBe(id);

    await fleet.givenAgent('doomed');
    const there = '/api/agents/doomed/schedules';
    const second = await given('<<slow 600 100>>', {}, admin, there);
    await admin.post(`${there}/${second}/trigger`);
    expect((await admin.delete('/api/agents/doomed')).status).toBe(200);
    const left = await fleet.db.query('select 1 from schedules s where s.id = $1', [second]);
    const runs = await fleet.db.query('select 1 from schedule_executions where schedule_id = $1', [second]);
    expect([left, runs]).toEqual([[], []]);
  });

  it('keep the time limit of their agent from being too short for them', async () => {
    const id = await given('<<say hi>>', { timeout_seconds: 600 });
    const { status, body } = await admin.put('/api/agents/worker/timeout', { execution_timeout_seconds: 300 });
    expect([status, body]).toEqual([
      400,
      {
        detail: {
          error: 'agent_timeout_below_active_schedules',
          message: text,
          requested_seconds: 300,
          max_schedule_timeout_seconds: 600,
          blocking_schedules: [{ id, name: 'yearly', timeout_seconds: 600 }],
        },
      },
    ]);
    const set = await admin.put('/api/agents/worker/timeout', { execution_timeout_seconds: 630 });
    const limits = { agent_name: 'worker', execution_timeout_seconds: 630, execution_timeout_minutes: 10 };
    expect(set.body).toEqual({ ...limits, message: 'Timeout updated' });
    expect((await admin.get('/api/agents/worker/timeout')).body).toEqual(limits);
  });

  it('survive a restart of the server, also in the middle of a run', async () => {
    const id = await given('<<slow 30 100>> <<say survived>>');
    await due(id);
    await until('it runs', async () => (await runsOf(id))[0]?.status === 'running');
    await fleet.close({ keep: true });
    fleet = await bootFleet({ dataDir: fleet.dataDir });
    admin = fleet.admin;
    await fleet.app.get(Scheduler).look();
    expect(await untilOver(id)).toMatchObject({ status: 'success' });
    expect(await runsOf(id)).toHaveLength(1);
  });
});
