import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDataDir } from '../../support/database.js';
import { EventStream } from '../../support/event-stream.js';
import { until } from '../../support/until.js';
import { ChildServer } from '../child-server.js';
import { expectEngineMatches, expectReasons, expectWholeSessions, untilSettled } from '../invariants.js';
import { agentProcesses, begun, ended, journalOf, killAll } from '../rig/journals.js';
import { full, report, roundsOf } from '../rig/rounds.js';

// R2, R4, R8: the server is asked to stop while agents answer; an agent answers while no server is there; the machine
// starts anew.

const speakers = full ? 20 : 3;
/** Of a turn that the server is asked to stop in: a tenth of a second each. */
const ticks = full ? 300 : 150;
const longestStopMs = 10_000;
const slowMs = 240_000;

describe('agents that work while the server goes', () => {
  let server: ChildServer;
  const names = Array.from({ length: speakers }, (_, n) => `talker-${n}`);
  beforeAll(async () => {
    server = await ChildServer.on(await makeDataDir());
    await server.start();
    for (const name of [...names, 'resting']) {
      expect((await server.admin.post('/api/agents', { name })).status).toBe(200);
    }
    expect((await server.admin.post('/api/agents/resting/stop')).status).toBe(200);
  }, slowMs);
  afterAll(async () => {
    await server.clear();
    rmSync(server.dataDir, { recursive: true, force: true });
  }, slowMs);

  /** Every agent gets a message of its own; resolves with what the callers were answered, once they were. */
  const askAll = (mark: string, steps: string): Promise<{ status: number; body: unknown }[]> =>
    Promise.all(
      names.map((name) =>
        server.admin.post(`/api/agents/${name}/chat`, { message: `${mark} ${steps} <<say end-${mark}>>` }).then(
          ({ status, body }) => ({ status, body }),
          () => ({ status: 0, body: null }),
        ),
      ),
    );
  const readerOf = (name: string, seen?: string): Promise<EventStream> =>
    EventStream.open(
      `${server.url}/~console/agents/${name}/stream`,
      server.admin.token,
      seen === undefined ? {} : { 'last-event-id': seen },
    );
  const turnsIn = (state: string, mark: string): Promise<{ state: string; answer: string; error: string | null }[]> =>
    server.sql(`select state, answer, error from turns where prompt like '${mark} %' and state in (${state})`);
  const untilAllRun = (mark: string): Promise<unknown> =>
    until('all turns run', async () => (await turnsIn(`'running'`, mark)).length === speakers, slowMs);
  const untilOver = (mark: string): Promise<unknown> =>
    until('the turns are over', async () => (await turnsIn(`'queued', 'running'`, mark)).length === 0, slowMs);
  async function expectWhole(): Promise<void> {
    await untilSettled(server);
    await expectWholeSessions(server);
    await expectEngineMatches(server);
    await expectReasons(server);
  }
  const answerOf = (ticks: number, mark: string): string =>
    `${Array.from({ length: ticks }, (_, n) => `tick ${n + 1} `).join('')}end-${mark}`;

  // R2
  it.each(roundsOf(1, 20))(
    'is asked to stop in the middle of all turns (round %d)',
    async (round) => {
      const mark = `stop-${round}`;
      const socket = await server.events();
      const asked = askAll(mark, `<<slow ${ticks} 100>>`);
      await untilAllRun(mark);
      const readers = await Promise.all(names.map((name) => readerOf(name)));
      await until('every reader hears its agent', () => readers.every((one) => one.of('delta').length > 0), slowMs);
      const from = server.output.length;
      const stopping = server.stop();
      await until('it takes no more calls', () => fetch(`${server.url}/health`).then(no, yes), longestStopMs);
      const { code, ms } = await stopping;
      const cut = await asked;
      expect({ code, soon: ms <= longestStopMs }).toEqual({ code: 0, soon: true });
      // Each caller is told the truth; nobody's connection just breaks, and nobody is asked to send the message again.
      expect(cut).toEqual(
        names.map(() => ({ status: 503, body: { detail: expect.stringMatching(/is stopping.*goes on/) } })),
      );
      expect(server.output.slice(from)).not.toMatch(/some work did not end in time|"level":"error"/);
      expect(await socket.waitFor(({ closed }) => closed)).toEqual({ code: 1001, reason: 'the server is stopping' });
      await Promise.all(readers.map(({ ended }) => ended));
      const farewell = { event: 'end', id: null, data: { reason: 'the server is stopping' } };
      expect(readers.map(({ events }) => events.at(-1))).toEqual(names.map(() => farewell));
      const readyMs = await server.start();
      // Who comes again with the last id it heard misses nothing and hears nothing twice.
      const again = await Promise.all(names.map((name, place) => readerOf(name, idsOf(readers[place]).at(-1))));
      await untilOver(mark);
      report(`server stopped, round ${round}`, names, `exit ${code} after ${ms} ms, up again after ${readyMs} ms`);
      expect(await turnsIn(`'finished', 'failed', 'interrupted', 'cancelled'`, mark)).toEqual(
        names.map(() => ({ state: 'finished', answer: answerOf(ticks, mark), error: null })),
      );
      for (const [place, name] of names.entries()) {
        const [{ id, last } = { id: '', last: 0 }] = await server.sql<{ id: string; last: number }>(
          `select s.id, s.event_seq as last from sessions s join agents a on a.id = s.agent_id where a.slug = '${name}'`,
        );
        const heard = (): string[] => [...idsOf(readers[place]), ...idsOf(again[place])];
        await until('the reader has heard all', () => heard().at(-1) === `${id}:${last}`, slowMs);
        expect(heard()).toEqual(Array.from({ length: last }, (_, n) => `${id}:${n + 1}`));
      }
      await Promise.all(again.map((one) => one.close()));
      await expectWhole();
    },
    2 * slowMs,
  );

  // R4
  it.each(roundsOf(1, 50))(
    'is away when the turns end (round %d)',
    async (round) => {
      const mark = `away-${round}`;
      const asked = askAll(mark, '<<slow 40 50>>');
      await untilAllRun(mark);
      const journals = await Promise.all(names.map((name) => journalOf(server, name)));
      // A turn is marked running before its prompt is sent: only one that has begun to answer goes on alone.
      await until('all answer', () => journals.every((file) => begun(file, mark)), slowMs);
      await server.kill();
      const before = journals.filter((file) => !ended(file, mark)).length;
      await asked;
      await until('all have answered', () => journals.every((file) => ended(file, mark)), slowMs);
      await server.start();
      await untilOver(mark);
      const strike = Array.from({ length: before }, () => 'a turn that ended meanwhile');
      report(`turns end without a server, round ${round}`, strike, 'all stored');
      const rows = await server.sql<{ state: string; answer: string; cost: number }>(
        `select state, answer, output_tokens as cost from turns where prompt like '${mark} %'`,
      );
      expect(rows.map(({ state, answer }) => ({ state, answer }))).toEqual(
        names.map(() => ({ state: 'finished', answer: answerOf(40, mark) })),
      );
      expect(rows.every(({ cost }) => cost > 0)).toBe(true);
      await expectWhole();
    },
    2 * slowMs,
  );

  // R8: another boot of the machine has another boot id, and none of the processes of before.
  it.each(roundsOf(1, 10))(
    'comes back after the machine started anew (round %d)',
    async (round) => {
      const mark = `boot-${round}`;
      const asked = askAll(mark, '<<slow 400 100>>');
      await untilAllRun(mark);
      const processes = await agentProcesses(server);
      await server.kill();
      await asked;
      const killed = processes();
      killAll(killed);
      await until('no process is left', () => processes().length === 0);
      forgetBoot(join(server.dataDir, 'local'));
      const readyMs = await server.start();
      await untilOver(mark);
      await untilSettled(server);
      report(
        `machine booted, round ${round}`,
        killed.map(() => 'a process'),
        `up after ${readyMs} ms`,
      );
      const turns = await turnsIn(`'finished', 'failed', 'interrupted', 'cancelled'`, mark);
      expect(turns.map(({ state, error }) => [state, typeof error])).toEqual(
        names.map(() => ['interrupted', 'string']),
      );
      const rows = await server.sql<{ slug: string; state: string }>(
        'select a.slug, i.state from instances i join agents a on a.id = i.agent_id order by a.created_at',
      );
      expect(rows).toEqual(
        [...names, 'resting'].map((slug) => ({ slug, state: slug === 'resting' ? 'stopped' : 'running' })),
      );
      const [first = ''] = names;
      const again = await server.admin.post(`/api/agents/${first}/chat`, { message: `<<say back-${round}>>` });
      expect([again.status, again.body['response']]).toEqual([200, `back-${round}`]);
      await expectWhole();
    },
    2 * slowMs,
  );
});

/** Ids of the stored events a reader was sent. */
const idsOf = (reader: EventStream | undefined): string[] => (reader?.of('event') ?? []).map(({ id }) => id ?? '');

const yes = (): boolean => true;
const no = (): boolean => false;

/** As if the processes had been started under another boot of the machine. */
function forgetBoot(folder: string): void {
  for (const id of readdirSync(folder)) {
    const file = join(folder, id, 'state.json');
    if (!existsSync(file)) continue;
    const state = JSON.parse(readFileSync(file, 'utf8')) as { run: { machineBoot: string } | null };
    if (state.run)
      writeFileSync(file, JSON.stringify({ ...state, run: { ...state.run, machineBoot: 'another-boot' } }));
  }
}
