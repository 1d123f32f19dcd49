import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { makeDataDir } from '../../support/database.js';
import { until } from '../../support/until.js';
import { ChildServer } from '../child-server.js';
import { expectEngineMatches, expectReasons, expectWholeSessions, untilSettled } from '../invariants.js';
import { Random } from '../random.js';
import { agentProcesses, ended, journalOf, killAll } from '../rig/journals.js';
import { full, report, roundsOf } from '../rig/rounds.js';

// The server dies as a run of a schedule comes due, while it works, while it ends without a server, and together with its
// agent. It ran once, and what it says of itself is true.

const seed = Number(process.env.FLOTILLA_CHAOS_SEED ?? Date.now() % 1_000_000);
const slowMs = 240_000;
const base = '/api/agents/worker/schedules';
const moments = ['as it comes due', 'while it works', 'while it ends alone', 'together with its agent'] as const;
const struck = full ? moments : (['as it comes due', 'together with its agent'] as const);

interface Run {
  readonly id: string;
  readonly status: string;
  readonly response: string | null;
  readonly error: string | null;
  readonly tool_calls: number | null;
  readonly triggered_by: string;
}

describe(`a server that dies around a run of a schedule (seed ${seed})`, () => {
  const random = new Random(seed);
  let server: ChildServer;
  beforeAll(async () => {
    server = await ChildServer.on(await makeDataDir());
    await server.start();
    expect((await server.admin.post('/api/agents', { name: 'worker' })).status).toBe(200);
    expect((await server.admin.put('/api/agents/worker/autonomy', { enabled: true })).status).toBe(200);
  }, slowMs);
  afterAll(async () => {
    await server.clear();
    rmSync(server.dataDir, { recursive: true, force: true });
  }, slowMs);

  const runsOf = async (id: string): Promise<readonly Run[]> =>
    (await server.admin.get<Run[]>(`${base}/${id}/executions`)).body;
  const linesOf = async (mark: string): Promise<readonly string[]> => {
    const { status, body } = await server.admin.get<string>('/api/agents/worker/files/download?path=lines.txt');
    return (status === 200 ? body : '').split('\n').filter((line) => line === mark);
  };
  const untilRuns = (id: string): Promise<unknown> =>
    until('it runs', async () => (await runsOf(id))[0]?.status === 'running', slowMs);

  /** Dies at a moment of the run, and is up again. @returns how the run stood when it died */
  async function strike(moment: (typeof moments)[number], id: string, mark: string): Promise<string> {
    if (moment === 'as it comes due')
      await pause(random.whole(0, 1200)); // the moment of the kill is what is random here
    else await untilRuns(id);
    if (moment !== 'as it comes due') await until('it works', async () => (await linesOf(mark)).length === 1, slowMs);
    const [run] = await runsOf(id);
    const journal = moment === 'while it ends alone' ? await journalOf(server, 'worker') : null;
    const processes = await agentProcesses(server);
    await server.kill();
    if (journal !== null) {
      expect(ended(journal, mark)).toBe(false);
      await until('it has ended', () => ended(journal, mark), slowMs);
    }
    if (moment === 'together with its agent') {
      killAll(processes());
      await until('no process is left', () => processes().length === 0);
    }
    await server.start();
    return run?.status ?? 'due';
  }

  describe.each(struck)('%s', (moment) => {
    it.each(roundsOf(1, 10))(
      'round %d',
      async (round) => {
        const mark = `${moments.indexOf(moment)}-${round}`;
        const message = `<<bash echo ${mark} | tee -a lines.txt; sleep 2>> <<say end-${mark}>>`;
        const made = await server.admin.post(base, { name: mark, cron_expression: '0 0 1 1 *', message });
        expect(made.status).toBe(201);
        const id = String(made.body['id']);
        // No server is there at the very minute; the next one makes the run up.
        await server.lastWords(`update schedules set next_run_at = now() - interval '1 second' where id = '${id}'`);
        await server.start();
        const stood = await strike(moment, id, mark);
        await until(
          'it is over',
          async () => ['success', 'failed', 'skipped'].includes((await runsOf(id))[0]?.status ?? ''),
          slowMs,
        );
        const runs = await runsOf(id);
        report(`scheduled run, ${moment}, round ${round}`, [`a run that was ${stood}`], runs[0]?.status ?? 'nothing');
        const lost = moment === 'together with its agent';
        const truth = lost
          ? { status: 'failed', error: expect.any(String) as string }
          : { status: 'success', error: null, response: `end-${mark}`, tool_calls: 1 };
        expect(runs).toEqual([expect.objectContaining({ ...truth, triggered_by: 'schedule' })]);
        expect(await linesOf(mark)).toEqual([mark]);
        await untilSettled(server);
        await expectWholeSessions(server);
        await expectEngineMatches(server);
        await expectReasons(server);
        expect(await server.sql(`select 1 from turns where id = '${runs[0]?.id}'`)).toHaveLength(1);
        expect((await server.admin.delete(`${base}/${id}`)).status).toBe(204);
      },
      2 * slowMs,
    );
  });
});
