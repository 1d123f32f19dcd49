import { setTimeout as pause } from 'node:timers/promises';
import { openTurns } from '../chaos/invariants.js';
import { Random } from '../chaos/random.js';
import { containersOf, describeDocker } from '../chaos/rig/docker-world.js';
import { report, roundsOf } from '../chaos/rig/rounds.js';
import type { Answer } from '../support/trinity-client.js';
import { until } from '../support/until.js';
import { journalOf, OpencodeWorld, slowMs } from './turns-support.js';

// Real OpenCode in real containers, with the demo model: the server dies at every kind of moment, and comes back.
const seed = Number(process.env.FLOTILLA_CHAOS_SEED ?? Date.now() % 1_000_000);

describeDocker(`OpenCode and a server that dies (seed ${seed})`, () => {
  const random = new Random(seed);
  let world: OpencodeWorld;
  beforeAll(async () => {
    world = await OpencodeWorld.with(['talker', 'asker', 'mover']);
    await world.admin.put('/~console/agents/asker/settings', { approvals: 'ask' });
  }, 1_500_000);
  // After a test that failed half-way, too.
  beforeEach(() => world.mended(), slowMs);
  afterAll(() => world.close(), slowMs);
  const stateOf = async (name: string): Promise<string> => (await world.instance(name))?.state ?? 'gone';

  /** The engine takes its time for one call, so that the server surely dies while it is under way. */
  async function dieDuring(what: string, call: RegExp, ask: () => Promise<Answer>): Promise<Answer | null> {
    const { proxy } = world.world;
    proxy.faults = [{ kind: 'delay', call, ms: 1500, times: 1 }];
    const answered = world.quiet(ask);
    await until(`the engine is asked for ${String(call)}`, () => proxy.inFlight.some((one) => call.test(one)), slowMs);
    await pause(random.whole(0, 1200));
    expect(proxy.inFlight.filter((one) => call.test(one))).toHaveLength(1);
    await world.die(what);
    proxy.faults = [];
    return answered;
  }

  describe('at moments of an agent', () => {
    it.each([
      ['create', /^POST \/containers\/create/],
      ['first start', /^POST \/containers\/\w+\/start/],
    ])(
      'being made: %s',
      async (what, call) => {
        const name = `made-${what.replace(' ', '-')}`;
        await dieDuring(what, call, () => world.admin.post('/api/agents', { name }));
        await world.expectWhole();
        expect(await stateOf(name)).toBe('running');
        expect((await world.ask(name, `hello-${name.length} <<say hello>>`))?.status).toBe(200);
      },
      2 * slowMs,
    );

    it.each(['stop', 'start'] as const)(
      'asked to %s',
      async (what) => {
        const call = new RegExp(`^POST /containers/\\w+/${what}`);
        await dieDuring(what, call, () => world.admin.post(`/api/agents/mover/${what}`));
        await world.expectWhole();
        expect(await stateOf('mover')).toBe(what === 'stop' ? 'stopped' : 'running');
      },
      slowMs,
    );

    it.each([
      ['while it stops', /^POST \/containers\/\w+\/stop/, 'mover'],
      ['while its container is', /^POST \/containers\/\w+\/rename/, 'moved'],
    ])(
      'being renamed, %s',
      async (moment, call, name) => {
        await dieDuring(`rename, ${moment}`, call, () =>
          world.admin.put('/api/agents/mover/rename', { new_name: 'moved' }),
        );
        await world.expectWhole();
        expect((await world.instances()).filter(({ slug }) => slug === 'mover' || slug === 'moved')).toEqual([
          expect.objectContaining({ slug: name, state: 'stopped' }),
        ]);
        expect((await world.admin.post(`/api/agents/${name}/start`)).status).toBe(200);
        const [container] = await containersOf(world.world.install).then((all) =>
          all.filter((one) => one.Names[0]?.startsWith(`/flotilla-${name}-`)),
        );
        expect(container?.State).toBe('running');
      },
      slowMs,
    );

    it(
      'being deleted',
      async () => {
        await dieDuring('delete', /^DELETE \/containers\//, () => world.admin.delete('/api/agents/moved'));
        await until('nothing is left of it', async () => {
          const rows = await world.server.sql('select id from instances');
          return (await containersOf(world.world.install)).length === rows.length;
        });
        expect(await stateOf('moved')).toBe('gone');
        await world.expectWhole();
      },
      slowMs,
    );
  });

  describe('at moments of a turn', () => {
    it(
      'streaming',
      async () => {
        const call = world.ask('talker', 'm1 <<slow 40 100>> <<say end-m1>>');
        await world.runs('m1');
        await pause(random.whole(500, 2500));
        await world.die('streaming');
        await call;
        expect(await world.finished('m1')).toMatchObject({
          state: 'finished',
          answer: expect.stringMatching(/end-m1$/),
        });
        const text = (await world.turn('m1'))?.answer ?? '';
        expect(text.match(/end-m1/g)).toHaveLength(1);
        await world.expectWhole();
      },
      slowMs,
    );

    it.each(roundsOf(1, 5))(
      'finishing while no server is there (round %d)',
      async (round) => {
        const mark = `m2-${round}`;
        const call = world.ask('talker', `${mark} <<slow 150 100>> <<say end-${mark}>>`);
        await world.runs(mark);
        const ref = await world.refOf('talker');
        // A turn is marked running before its prompt is sent: only one that has begun to answer goes on alone.
        await until('it speaks', () => speaks(ref), slowMs);
        await world.server.kill();
        expect(hasAnswered(ref)).toBe(false);
        await call;
        await until('the runtime has answered', () => hasAnswered(ref), slowMs);
        await world.server.start();
        expect(await world.finished(mark)).toMatchObject({
          state: 'finished',
          answer: expect.stringMatching(new RegExp(`end-${mark}$`)),
        });
        const [cost] = await world.server.sql<{ output: number }>(
          `select output_tokens as output from turns where prompt like '${mark} %'`,
        );
        expect(cost?.output).toBeGreaterThan(0);
        report(`OpenCode ends its turn without a server, round ${round}`, ['a turn'], 'stored with text and cost');
        await world.expectWhole();
      },
      slowMs,
    );

    it(
      'running a tool',
      async () => {
        const call = world.ask('talker', 'm3 <<bash sleep 4; echo m3 | tee -a lines.txt>> <<say end-m3>>');
        await until(
          'the tool runs',
          async () =>
            (await world.server.sql(`select 1 from activities where type = 'tool_call' and state = 'started'`)).length >
            0,
          slowMs,
        );
        await world.die('tool running');
        await call;
        expect(await world.finished('m3')).toMatchObject({ state: 'finished', error: null });
        expect(await world.linesOf('talker', 'lines.txt')).toEqual(['m3']);
        await world.expectWhole();
      },
      slowMs,
    );

    it(
      'waiting for an approval',
      async () => {
        const call = world.ask('asker', 'm4 <<bash echo m4 | tee -a lines.txt>> <<say end-m4>>');
        await until('it asks', async () => (await world.open('approvals')).length === 1, slowMs);
        await world.die('approval open');
        await call;
        await until('it still asks', async () => (await world.open('approvals')).length === 1);
        expect(await world.linesOf('asker', 'lines.txt')).toEqual([]);
        const [id] = await world.open('approvals');
        await world.admin.post(`/~console/approvals/${id}/answer`, { decision: 'allow' });
        expect(await world.finished('m4')).toMatchObject({ state: 'finished', error: null });
        expect(await world.linesOf('asker', 'lines.txt')).toEqual(['m4']);
        await world.expectWhole();
      },
      slowMs,
    );

    it(
      'waiting for an answer to a question',
      async () => {
        const call = world.ask('asker', 'm5 <<ask Which one? | A | B>> <<say end-m5>>');
        await until('it asks', async () => (await world.open('questions')).length === 1, slowMs);
        await world.die('question open');
        await call;
        await until('it still asks', async () => (await world.open('questions')).length === 1);
        const [id] = await world.open('questions');
        await world.admin.post(`/~console/questions/${id}/answer`, { answers: { question_0: ['A'] } });
        expect(await world.finished('m5')).toMatchObject({ state: 'finished', error: null });
        expect(await openTurns(world.server)).toEqual([]);
        await world.expectWhole();
      },
      slowMs,
    );
  });
});

/** The last line of its journal that is about a turn is a turn's answer: the runtime works on nothing. */
const hasAnswered = (ref: string): boolean => lastLines(ref).answer > lastLines(ref).chunk;
const speaks = (ref: string): boolean => lastLines(ref).chunk > lastLines(ref).answer;

function lastLines(ref: string): { readonly answer: number; readonly chunk: number } {
  const lines = journalOf(ref).split('\n');
  return {
    answer: lines.findLastIndex((line) => line.includes('"stopReason"')),
    chunk: lines.findLastIndex((line) => line.includes('_chunk"')),
  };
}
