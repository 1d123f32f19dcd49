import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { makeDataDir } from '../support/database.js';
import type { SocketClient } from '../support/socket-client.js';
import { until } from '../support/until.js';
import { hostedAgents } from './changes.hostedagents.js';
import { ChildServer } from './child-server.js';
import {
  expectEngineMatches,
  expectNoStrayProcesses,
  expectReasons,
  expectWholeSessions,
  openTurns,
  untilSettled,
} from './invariants.js';
import { expectNoDrafts } from './leftovers.js';
import { Random } from './random.js';
import { postgresWorld, type PostgresWorld } from './rig/postgres-world.js';
import { expectedAnswer, prepareWorld, promptOf, talkers, Workload } from './workload.js';

// SIGKILL at random moments of a mixed load, restart, and nothing that was acknowledged is lost, doubled or stuck.
// FLOTILLA_CHAOS_DATABASE=postgres for the other database, FLOTILLA_CHAOS_ROUNDS=100 for more, FLOTILLA_CHAOS_SEED=<number> to see a run again.
const rounds = Number(process.env.FLOTILLA_CHAOS_ROUNDS ?? 4);
const seed = Number(process.env.FLOTILLA_CHAOS_SEED ?? Date.now() % 1_000_000);
const longestLifeMs = 2600;
/** The list says 5 s: FLOTILLA_CHAOS_READY_MS=5000 on a machine that does nothing else. Here only what cannot be the machine is judged. */
const mostReadyMs = Number(process.env.FLOTILLA_CHAOS_READY_MS ?? 120_000);

const say = (text: string): void => void process.stdout.write(`${text}\n`);

interface AgentRow {
  readonly slug: string;
  readonly state: string;
}

describe(`kill -9 in a mixed load (seed ${seed})`, () => {
  const random = new Random(seed);
  let server: ChildServer;
  let postgres: PostgresWorld | null = null;
  let wanderer = 'wanderer-0';
  let victim = 'victim-0';
  let round = 0;
  const readyTimes: number[] = [];
  beforeAll(async () => {
    if (process.env.FLOTILLA_CHAOS_DATABASE === 'postgres') postgres = await postgresWorld();
    server = await ChildServer.on(await makeDataDir(), {
      DATABASE_URL: postgres?.url ?? '',
      FLOTILLA_SSH_PORT: '0',
      HOSTEDAGENTS_MAX_RUNNING: '100', // all agents of the load count
    });
    await server.start();
    await prepareWorld(server);
  }, 120_000);
  afterAll(async () => {
    const sorted = readyTimes.sort((a, b) => a - b);
    const [median, most] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    say(`sum: ready again after ${median} ms (median), ${most} ms at most, over ${sorted.length} kills`);
    await server.clear();
    await postgres?.close();
    rmSync(server.dataDir, { recursive: true, force: true });
  }, 120_000);

  it.each(Array.from({ length: rounds }, (_, index) => index + 1))(
    'round %d',
    async (number) => {
      for (let tries = 0; ; tries += 1) {
        const hit = await playRound();
        say(`round ${number} (seed ${seed}): ${hit === '' ? 'hit nothing, played again' : hit}`);
        if (hit !== '') return;
        expect(tries).toBeLessThan(5);
      }
    },
    400_000,
  );

  /** One life and death of the server. @returns what was in flight at the kill */
  async function playRound(): Promise<string> {
    round += 1;
    const name = `r${round}`;
    const load = new Workload(server, random, name, wanderer, victim);
    await load.prepare();
    const before = new Map((await agents()).map((row) => [row.slug, row.state]));
    const socket = await server.events();
    const [{ base } = { base: '0' }] = await server.sql<{ base: string }>(
      'select coalesce(max(id), 0) as base from outbox',
    );
    const life = random.whole(100, longestLifeMs);
    load.begin(before.get('toggler') === 'running');
    await pause(life); // the moment of the kill is what is random here
    await server.kill();
    const inFlight = load.ledger.open.map(({ what, about }) => `${what} ${about}`);
    await load.finish();
    const readyMs = await server.start();
    readyTimes.push(readyMs);
    expect({ soon: readyMs <= mostReadyMs, readyMs }).toMatchObject({ soon: true });
    await settle(load);
    const hit = inFlight.length === 0 ? '' : `${inFlight.join(', ')} at ${life} ms; up again after ${readyMs} ms`;
    await check(load, before, hit);
    await checkEvents(socket, base);
    return hit;
  }

  /** People come back and answer; then everything has to come to an end. */
  async function settle(load: Workload): Promise<void> {
    await untilSettled(server);
    await until(
      'every turn is over',
      async () => {
        await load.answerAll();
        return (await openTurns(server)).length === 0;
      },
      30_000,
    ).catch(async (error: unknown) => {
      throw new Error(`I4: ${String(error)}: ${JSON.stringify(await openTurns(server))}`);
    });
  }

  async function check(load: Workload, before: Map<string, string>, hit: string): Promise<void> {
    const after = new Map((await agents()).map((row) => [row.slug, row.state]));
    checkLifecycle(load, before, after);
    await checkTurns(load);
    await load.changes.check(load.ledger);
    // Somebody else may have answered an approval first; nothing else has a reason to be refused.
    expect(load.ledger.refused.filter(({ what }) => what !== 'answer')).toEqual([]);
    await expectWholeSessions(server);
    await expectEngineMatches(server);
    await expectNoStrayProcesses(server);
    await expectNoDrafts(server);
    await expectReasons(server);
    expect({ hit, output: /an error was not handled|cannot go on/.exec(server.output)?.[0] }).toEqual({ hit });
  }

  /** I1 for everything that has a state; what was asked and not acknowledged may be so or so. */
  function checkLifecycle(load: Workload, before: Map<string, string>, after: Map<string, string>): void {
    const { ledger, newcomer, renamed } = load;
    if (ledger.acknowledged('create', newcomer)) expect(after.get(newcomer)).toBe('running');
    else expect(['running', undefined]).toContain(after.get(newcomer));
    if (ledger.acknowledged('delete', load.victim)) expect(after.has(load.victim)).toBe(false);
    if (!ledger.asked('delete', load.victim)) expect(after.get(load.victim)).toBe('running');
    if (ledger.acknowledged('rename', load.wanderer)) expect(after.get(renamed)).toBe('stopped');
    expect([after.has(load.wanderer), after.has(renamed)].filter(Boolean)).toHaveLength(1);
    wanderer = after.has(renamed) ? renamed : load.wanderer;
    victim = after.has(newcomer) ? newcomer : after.has(load.victim) ? load.victim : `victim-${load.round}`;
    for (const [what, state] of [
      ['start', 'running'],
      ['stop', 'stopped'],
    ] as const) {
      if (ledger.acknowledged(what, 'toggler')) expect(after.get('toggler')).toBe(state);
      else if (!ledger.asked(what, 'toggler')) continue;
      else expect([state, before.get('toggler')]).toContain(after.get('toggler'));
    }
    const alive = [...talkers, ...hostedAgents, wanderer, 'toggler', newcomer, load.victim];
    expect([...after.keys()].filter((slug) => !alive.includes(slug) && !/^(newcomer|victim)-/.test(slug))).toEqual([]);
  }

  /** I1, I6, I7 for turns: one that was stored has finished, with the whole text, and did its work once. */
  async function checkTurns(load: Workload): Promise<void> {
    for (const talker of talkers) {
      const prompt = promptOf(talker, load.round);
      const turns = await server.sql<{ state: string; answer: string | null; error: string | null }>(
        `select t.state, t.answer, t.error from turns t join agents a on a.id = t.agent_id
         where a.slug = '${talker}' and t.prompt = '${prompt}'`,
      );
      const told = load.ledger.acknowledged('chat', talker);
      expect(turns.length).toBeLessThanOrEqual(1);
      if (told) expect(turns).toHaveLength(1);
      const expected = { state: 'finished', answer: expectedAnswer(talker, load.round), error: null };
      expect({ talker, turns }).toEqual({ talker, turns: turns.map(() => expected) });
      if (told) expect((told.body as { response: string }).response).toBe(expected.answer);
      const history = await server.admin.get<{ content: string }[]>(`/api/agents/${talker}/chat/history`);
      const times = history.body.filter((message) => message.content.includes(`end-${load.round}`));
      expect(times.filter((message) => message.content === expected.answer)).toHaveLength(turns.length);
      if (talker !== 'worker' && talker !== 'approver') continue;
      const file = await server.admin.get<string>(`/api/agents/${talker}/files/download?path=lines.txt`);
      const lines = (file.status === 200 ? file.body : '').split('\n').filter((line) => line === load.round);
      expect({ talker, lines }).toEqual({ talker, lines: turns.map(() => load.round) });
    }
  }

  /** Events: what came live and what is replayed after the restart is everything, in order, each once. */
  async function checkEvents(socket: SocketClient, base: string): Promise<void> {
    const live = idsOf(socket);
    const rows = await server.sql<{ id: string }>(
      `select id from outbox where id > ${base} and ${announced} order by id`,
    );
    const expected = rows.map((row) => row.id);
    const resumed = await server.events(live.at(-1) ?? base);
    const last = Number(expected.at(-1) ?? 0);
    const upToLast = (): string[] => idsOf(resumed).filter((id) => Number(id) <= last);
    const complete = (): boolean => live.length + upToLast().length >= expected.length;
    await resumed.waitFor(complete, 10_000).catch(() => undefined);
    expect([...live, ...upToLast()]).toEqual(expected);
    socket.close();
    resumed.close();
  }

  const agents = (): Promise<AgentRow[]> =>
    server.sql<AgentRow>('select a.slug, i.state from agents a join instances i on i.agent_id = a.id');
});

/** Fleet events that have words on `/ws`; those of turns have them when a schedule began the turn. */
const announcedTypes = [
  'agent.created',
  'agent.started',
  'agent.stopped',
  'agent.deleted',
  'agent.renamed',
  'agent.shared',
  'agent.unshared',
  'agent.tags_changed',
  'instance.state',
  'instance.progress',
  'agent.activity',
  'approval.requested',
  'approval.answered',
  'question.asked',
  'question.answered',
  'schedule.settled',
]
  .map((type) => `'${type}'`)
  .join();
const announced = `(type in (${announcedTypes})
  or type in ('turn.started', 'turn.ended') and data -> 'origin' -> 'schedule' is not null)`;

const idsOf = (socket: SocketClient): string[] =>
  socket.events.flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
