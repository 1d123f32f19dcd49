import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';
import { Talk } from './support.js';

/** What is told of turns that wait, and while an agent comes and goes (contract 2.3, 2.7, 3.2). */
describe('turns that wait', () => {
  let fleet: Fleet;
  let talk: Talk;
  beforeAll(async () => {
    fleet = await bootFleet();
    talk = await Talk.with(fleet, 'talker');
  });
  afterAll(() => fleet.close());
  afterEach(() => talk.post('/abort'));

  const running = (count: number, sessions: string[]): Promise<unknown> =>
    until(`${count} sessions work`, async () => {
      const rows = await fleet.db.query<{ n: number }>(
        `select count(*)::int as n from turns where state = 'running'
           and session_id in (select jsonb_array_elements_text($1::jsonb))`,
        [JSON.stringify(sessions.map((id) => id.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')))],
      );
      return rows[0]?.n === count;
    });

  it('keeps what was said last, whichever message came first', async () => {
    const early = await talk.say('<<slow 2000 100>>');
    await running(1, [early]);
    const late = await talk.say('<<say late>>');
    await until('it is answered', async () => (await talk.messages(`?sessionId=${late}`)).some((m) => m.completedAt));
    // Its turn came when the other one was over, as when more work than may go on at once.
    await fleet.db.query(`update turns set started_at = now() + interval '1 hour' where state = 'running'`, []);
    expect((await talk.messages('?limit=1')).map(({ sessionId, role }) => [sessionId, role])).toEqual([
      [early, 'assistant'],
    ]);
    await talk.post('/abort');
  });

  it('what waits when the agent stops was not answered, and says so itself', async () => {
    const sessionId = await talk.say('<<slow 2000 100>>');
    await running(1, [sessionId]);
    await talk.say('<<say never>>', sessionId);
    await talk.post('/stop');
    const messages = await talk.messages(`?sessionId=${sessionId}`);
    const aborted = { name: 'MessageAbortedError', data: { message: 'The agent was stopped' } };
    expect(messages.map(({ role, info }) => [role, info['error'] ?? null])).toEqual([
      ['user', null],
      ['assistant', aborted],
      ['user', aborted],
    ]);
    expect((await talk.post('/start')).body['started']).toBe(true);
  });

  it('is at work in no session while it is between two attempts, and busy before its first message is sent', async () => {
    const sessionId = await talk.say('<<slow 2000 100>>');
    await running(1, [sessionId]);
    const busy = async (): Promise<unknown[]> => {
      const { sessions } = (await talk.get<{ sessions: { id: string; busy: boolean }[] }>('/sessions')).body;
      return [await talk.busy(), sessions.filter((one) => one.busy).map(({ id }) => id)];
    };
    expect(await busy()).toEqual([true, [sessionId]]);
    const { id, agentId } = await fleet.instanceOf('talker');
    await fleet.db.query(`update instances set state = 'stopped', retry_at = now() + interval '1 day' where id = $1`, [
      id,
    ]);
    expect(await busy()).toEqual([false, []]);
    await fleet.db.query(`update instances set state = 'running', retry_at = null where id = $1`, [id]);
    await talk.post('/abort');
    expect(await busy()).toEqual([false, []]);
    const opening = `insert into openings (agent_id, user_id, prompt, created_at) select id, owner_id, 'x', now() from agents where id = $1`;
    await fleet.db.query(opening, [agentId]);
    expect(await busy()).toEqual([true, []]);
    await fleet.db.query('delete from openings where agent_id = $1', [agentId]);
  });
});
