import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { Generations } from '../../../src/core/runtimes/generations.service.js';
import { Caretaker } from '../../../src/core/sessions/caretaker.service.js';
import { Prompts } from '../../../src/core/sessions/prompts.service.js';
import { full, report } from '../../chaos/rig/rounds.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';
import { changeAgent, eventsOf, feedLongLine, generationsOf, journalOf, turnsOf, untilTurn } from './support.js';

jest.setTimeout(120_000);

/** Storing them is what takes long in this file; script/chaos sends as many as the list asks for. */
const flood = full ? 100_000 : 20_000;

/** R18, beside what a person does to a turn; `script/chaos` plays this file twenty times. */
describe('turns that do not end well', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet();
    await fleet.givenAgent('worker');
  });
  afterAll(() => fleet.close());

  const says = async (agent: string, message: string): Promise<[number, unknown]> => {
    const { status, body } = await fleet.chat(agent, message);
    return [
      status,
      (body as { response?: unknown; detail?: unknown }).response ?? (body as { detail: unknown }).detail,
    ];
  };
  const works = async (agent = 'worker'): Promise<void> =>
    expect(await says(agent, '<<say alive>>')).toEqual([200, 'alive']);

  const untilAsleep = (instanceId: string) =>
    until('the runtime is gone', async () => (await fleet.app.get(Generations).current(instanceId)) === null);

  it('a crash of the runtime interrupts, and the next message loads the conversation', async () => {
    await says('worker', '<<say before>>');
    const [status, detail] = await says('worker', '<<say begun>> <<crash>>');
    expect([status, detail]).toEqual([503, expect.stringContaining('ended unexpectedly with exit code 1')]);
    expect((await turnsOf(fleet, 'worker')).at(-1)).toMatchObject({ state: 'interrupted', answer: 'begun' });
    await works();
    const said = (await eventsOf(fleet, 'worker')).filter(({ kind }) => kind === 'agent_message');
    expect(said.map(({ data }) => data['text'])).toEqual(['before', 'begun', 'alive']); // the replay is not recorded
    expect((await generationsOf(fleet, 'worker')).map(({ state }) => state)).toEqual(['ended', 'ready']);
    report('protocol abuse', ['a runtime that crashes'], String(detail));
  });

  it('one that hangs is timed out, its runtime is killed, and the next message works', async () => {
    await changeAgent(fleet, 'worker', { timeoutSeconds: 1 });
    const [status, detail] = await says('worker', '<<say begun>> <<hang>>');
    expect([status, detail]).toEqual([504, 'The turn took longer than the 1 s it is allowed']);
    expect((await turnsOf(fleet, 'worker')).at(-1)).toMatchObject({ state: 'failed' });
    await changeAgent(fleet, 'worker', { timeoutSeconds: 3600 });
    await works();
    report('protocol abuse', ['a runtime that hangs'], String(detail));
  });

  it('a runtime that closes its stdin can end its turn; the next is timed out, and the one after works', async () => {
    await fleet.givenAgent('shut');
    expect(await says('shut', '<<close>> <<say whole>>')).toEqual([200, 'whole']);
    await changeAgent(fleet, 'shut', { timeoutSeconds: 1 });
    const [status, detail] = await says('shut', '<<say unheard>>');
    expect([status, detail]).toEqual([504, 'The turn took longer than the 1 s it is allowed']);
    expect((await turnsOf(fleet, 'shut')).map(({ state, error }) => [state, error])).toEqual([
      ['finished', null],
      ['failed', detail],
    ]);
    await changeAgent(fleet, 'shut', { timeoutSeconds: 3600 });
    await works('shut');
    report('protocol abuse', ['a runtime that closed its stdin'], String(detail));
  });

  it('a method that nobody knows is refused as the protocol says, and a notice of one is passed over', async () => {
    const answer = await says('worker', '<<unknown>> <<say on>>');
    expect(answer).toEqual([200, 'refused with -32601 on']);
    expect((await fleet.admin.get<unknown[]>('/~console/approvals')).body).toEqual([]);
    await works();
    report('protocol abuse', ['a method nobody knows'], String(answer[1]));
  });

  it('one that a person cancels ends as cancelled', async () => {
    const chat = fleet.chat('worker', '<<slow 600 100>>');
    const { id, userId } = await untilTurn(fleet, 'worker', 'running');
    const admin = { userId, role: 'admin', orgIds: [], permissions: new Set(), via: { kind: 'system' } };
    await fleet.app.get(Prompts).cancel(admin as never, id);
    expect((await chat).status).toBe(409);
    expect(await untilTurn(fleet, 'worker', 'cancelled')).toMatchObject({ stopReason: 'cancelled', error: null });
    await works();
  });

  it('noise between the lines disturbs nobody', async () => {
    expect(await says('worker', '<<noise>> <<say still>> <<noise>> <<say fine>>')).toEqual([200, 'stillfine']);
    report('protocol abuse', ['lines that are no JSON'], 'the turn is whole');
  });

  it(`a flood of ${flood} chunks is stored, and the process stays small`, async () => {
    await fleet.givenAgent('loud'); // its conversation is long from now on, and slow to load
    const before = process.memoryUsage().rss;
    const { status } = await fleet.chat('loud', `<<flood ${flood}>> <<say end>>`);
    expect(status).toBe(200);
    const turn = (await turnsOf(fleet, 'loud')).at(-1);
    expect(turn?.answer?.endsWith('end')).toBe(true);
    const pieces = (await eventsOf(fleet, 'loud')).filter((event) => event.turnId === turn?.id);
    const length = pieces.reduce((sum, { data }) => sum + ((data['text'] as string | undefined) ?? '').length, 0);
    expect(length).toBeGreaterThan(flood * 110);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 2 ** 20);
    await works('loud');
    report('protocol abuse', [`${flood} chunks at once`], 'all stored');
  });

  it.each([10, 13])('a line of %i MB ends nothing', async (megabytes) => {
    const agent = `loud-${megabytes}`;
    await fleet.givenAgent(agent);
    const command = `head -c ${megabytes * 1_000_000} /dev/zero | tr '\\\\0' x`;
    const { status } = await fleet.chat(agent, `<<bash ${command}>> <<say after>>`);
    expect(status).toBe(200);
    await works(agent);
    report('protocol abuse', [`a line of ${megabytes} MB`], 'the turn is whole');
  });

  it('output that no database stores is stored without it', async () => {
    const { status, body } = await fleet.chat('worker', `<<bash printf 'a\\\\000b'>> <<say after>>`);
    expect([status, (body as { response: string }).response]).toEqual([200, 'after']);
  });

  it('stopping the agent interrupts, with what was said so far; starting it goes on', async () => {
    const chat = fleet.chat('worker', '<<say half>> <<slow 600 100>>');
    await untilTurn(fleet, 'worker', 'running');
    await until('something was said', async () => (await journalOf(fleet, 'worker')).includes('tick 2'));
    expect((await fleet.admin.post('/api/agents/worker/stop')).status).toBe(200);
    expect((await chat).status).toBe(503);
    const turn = await untilTurn(fleet, 'worker', 'interrupted');
    expect(turn).toMatchObject({ error: 'The agent was stopped', answer: expect.stringContaining('half') });
    expect((await fleet.chat('worker', 'hello')).status).toBe(503);
    expect((await fleet.admin.post('/api/agents/worker/start')).status).toBe(200);
    await works();
  });

  it('deleting the agent in the middle of a turn answers, and leaves nothing', async () => {
    await fleet.givenAgent('doomed');
    const chat = fleet.chat('doomed', '<<slow 600 100>>');
    await untilTurn(fleet, 'doomed', 'running');
    const { id } = await fleet.instanceOf('doomed');
    expect((await fleet.admin.delete('/api/agents/doomed')).status).toBe(200);
    expect([404, 503]).toContain((await chat).status);
    expect(await fleet.engine.inspect(id)).toBeNull();
    for (const table of ['turns', 'generations', 'runtime_lines', 'sessions', 'session_events']) {
      expect(await fleet.db.query(`select 1 from ${table} where instance_id = $1`, [id])).toEqual([]);
    }
  });

  it('a runtime that reads no more is ended when a long line blocks', async () => {
    await fleet.givenAgent('deaf');
    const chat = fleet.chat('deaf', '<<deaf>>');
    await untilTurn(fleet, 'deaf', 'running');
    await feedLongLine(fleet, 'deaf'); // more than a pipe holds, so that the feeder blocks
    expect((await chat).status).toBe(503);
    expect((await turnsOf(fleet, 'deaf')).at(-1)).toMatchObject({
      state: 'interrupted',
      error: 'The runtime does not read its input',
    });
    await works('deaf');
    report('protocol abuse', ['a runtime that reads nothing'], 'The runtime does not read its input');
  });

  it('an idle runtime sleeps, and wakes with its conversation', async () => {
    await fleet.givenAgent('sleeper');
    await says('sleeper', '<<say one>>');
    const instance = await fleet.instanceOf('sleeper');
    await fleet.db.query(`update generations set used_at = used_at - interval '1 hour' where instance_id = $1`, [
      instance.id,
    ]);
    await fleet.db.query(`update turns set ended_at = ended_at - interval '1 hour' where instance_id = $1`, [
      instance.id,
    ]);
    await fleet.app.get(Caretaker).look();
    await untilAsleep(instance.id);
    expect((await generationsOf(fleet, 'sleeper')).at(-1)).toMatchObject({
      endReason: 'The runtime sleeps: it was idle',
    });
    expect(await says('sleeper', '<<say two>>')).toEqual([200, 'two']);
    const events = await eventsOf(fleet, 'sleeper');
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ kind }) => kind === 'agent_message').map(({ data }) => data['text'])).toEqual([
      'one',
      'two',
    ]);
    expect(events.some(({ kind }) => kind === 'note')).toBe(false);
  });

  it('a runtime that lost the conversation gets a summary', async () => {
    await fleet.givenAgent('forgetful');
    await says('forgetful', 'remember the word zebra');
    const instance = await fleet.instanceOf('forgetful');
    await fleet.app.get(Generations).stop(instance, 1, 'ended by the test');
    await untilAsleep(instance.id);
    const { ref } = instance;
    const kept = `${fleet.engine.pathOf(ref ?? '', 'home')}/.scripted`;
    rmSync(kept, { recursive: true });
    await works('forgetful');
    const note = (await eventsOf(fleet, 'forgetful')).find(({ kind }) => kind === 'note');
    expect(note?.data).toMatchObject({ summaryNeeded: true });
    const stored = readdirSync(kept)
      .map((name) => readFileSync(`${kept}/${name}`, 'utf8'))
      .join('');
    expect(stored).toContain('Person: remember the word zebra');
    expect(stored).toContain('You: Scripted runtime');
    expect(stored.match(/<<say alive>>/g)).toHaveLength(1);
    await works('forgetful');
  });
});
