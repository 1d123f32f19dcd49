import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';
import { expectEngineMatches, expectReasons, expectWholeSessions, untilSettled } from '../invariants.js';
import { expectNothingLeft } from '../leftovers.js';
import { mainProcessOf, memoryKillsOf, preferForOom } from '../rig/container-processes.js';
import { describeDocker, dockerWorld, type DockerWorld } from '../rig/docker-world.js';
import { full, report, roundsOf } from '../rig/rounds.js';

// R11: containers and runtimes end in every way: killed, out of memory, with exit code 1, again and again. Their state says
// so with a reason, they come back after a growing pause, and the agent next to them notices nothing.

/** Failures that are on record before one is made: the pause after it, 4 s, is long enough to be read in every API. */
const failuresBefore = 2;

interface Row {
  readonly state: string;
  readonly boot: string | null;
  readonly failures: number;
  readonly exit_code: number | null;
  readonly oom_killed: boolean;
  readonly ref: string;
}

/** An ended agent, as people see it. */
interface Shown {
  readonly reasons: readonly unknown[];
  readonly logs: string;
}

describeDocker('agents that end by themselves', () => {
  let world: DockerWorld;
  let hosted: TrinityClient;
  /** Of the Hosted Agents API, by name. */
  const ids = new Map<string, string>();
  beforeAll(async () => {
    world = await dockerWorld();
    const { admin } = world.server;
    for (const body of [
      { name: 'ending' },
      { name: 'neighbour' },
      { name: 'small', resources: { cpu: '1', memory: '96m' } },
    ]) {
      expect((await admin.post('/api/agents', body)).status).toBe(200);
    }
    hosted = admin.as(String((await admin.post('/api/v1/tokens', { label: 'chaos' })).body['token']));
    const { body } = await hosted.get<{ agents: { agentId: string; name: string }[] }>('/api/v1/agents');
    for (const { name, agentId } of body.agents) ids.set(name, agentId);
  }, 240_000);
  afterAll(() => world.close(), 60_000);

  const chat = (name: string, message: string) => world.server.admin.post(`/api/agents/${name}/chat`, { message });
  async function rowOf(name: string): Promise<Row> {
    const [row] = await world.server.sql<Row>(
      `select i.state, i.boot, i.failures, i.exit_code, i.oom_killed, i.ref from instances i join agents a on a.id = i.agent_id
       where a.slug = '${name}'`,
    );
    if (!row) throw new Error(`there is no ${name}`);
    return row;
  }
  /** What each API says of why an agent ended, and the last of its output. */
  async function shownOf(name: string): Promise<Shown> {
    const { admin } = world.server;
    const [trinity, hostedAgents, fleet, logs] = await Promise.all([
      admin.get(`/api/agents/${name}`),
      hosted.get(`/api/v1/agents/${ids.get(name) ?? ''}`),
      admin.get<{ name: string; reason: string | null }[]>('/~console/fleet'),
      admin.get(`/api/agents/${name}/logs?tail=50`),
    ]);
    const { reason } = fleet.body.find((member) => member.name === name) ?? {};
    return {
      reasons: [trinity.body['status_reason'], hostedAgents.body['lastError'], reason],
      logs: String(logs.body['logs']),
    };
  }
  /** Makes it end and waits until every API says why. The pause before it is started again is 4 s, and it is read meanwhile. */
  async function endsWith(name: string, reason: string, strike: () => Promise<unknown>) {
    await world.server.sql(
      `update instances set failures = ${failuresBefore}, state_since = now()
       where agent_id = (select id from agents where slug = '${name}')`,
    );
    const before = await rowOf(name);
    await strike();
    const began = Date.now();
    const row = await until('the end is stored', async () => {
      const now = await rowOf(name);
      return now.failures > before.failures && now;
    });
    const storedMs = Date.now() - began;
    const shown = await shownOf(name);
    expect({ ...shown, row }).toMatchObject({ reasons: [reason, reason, reason] });
    await until(
      'it runs anew',
      async () => {
        const now = await rowOf(name);
        return now.state === 'running' && now.boot !== before.boot;
      },
      60_000,
    );
    return { row, logs: shown.logs, storedMs };
  }
  const killMain = async (name: string): Promise<void> => {
    process.kill(await mainProcessOf((await rowOf(name)).ref), 'SIGKILL');
  };
  async function expectWhole(): Promise<void> {
    await untilSettled(world.server);
    await expectEngineMatches(world.server);
    await expectWholeSessions(world.server);
    await expectReasons(world.server);
    await expectNothingLeft(world);
  }

  it.each(roundsOf(1, 20))(
    'the main process is killed in a turn (round %d)',
    async (round) => {
      const asked = chat('ending', `<<log last words ${round}>> <<slow 400 100>> <<say end-${round}>>`);
      const other = chat('neighbour', `<<slow 20 100>> <<say whole-${round}>>`);
      await until(
        'the turns run',
        async () => {
          return (await world.server.sql(`select 1 from turns where state = 'running'`)).length === 2;
        },
        60_000,
      );
      await until('it has said something', async () => (await shownOf('ending')).logs.includes(`last words ${round}`));
      const reason = 'Ended unexpectedly with exit code 137; starting again in 4 s';
      const { row, logs, storedMs } = await endsWith('ending', reason, () => killMain('ending'));
      report(`exit 137, round ${round}`, ['a running turn'], `stored after ${storedMs} ms: ${reason}`);
      expect(row).toMatchObject({ exit_code: 137, oom_killed: false });
      expect(logs).toContain(`last words ${round}`);
      expect((await asked).status).toBe(503);
      expect(String((await other).body['response'])).toMatch(new RegExp(`whole-${round}$`));
      expect((await chat('ending', '<<say back>>')).body['response']).toBe('back');
      await expectWhole();
    },
    240_000,
  );

  it.each(roundsOf(1, 20))(
    'the runtime exits with 1 in a turn (round %d)',
    async (round) => {
      const { status, body } = await chat('ending', `<<say begun>> <<crash>>`);
      report(`exit 1, round ${round}`, ['a running turn'], `answered ${status}: ${String(body['detail'])}`);
      expect([status, body['detail']]).toEqual([503, expect.stringContaining('exit code 1')]);
      expect((await chat('ending', '<<say back>>')).body['response']).toBe('back');
      await expectWhole();
    },
    240_000,
  );

  it.each(roundsOf(1, 20))(
    'memory runs out in a turn (round %d)',
    async (round) => {
      const hog = `perl -e '$x = "x" x 300_000_000; print length $x'`;
      const { ref } = await rowOf('small');
      const killedBefore = await memoryKillsOf(ref);
      const { status, body } = await chat('small', `<<bash ${hog}>> <<say after-${round}>>`);
      // The kernel's own count says whether anything was killed for its memory.
      const killed = (await memoryKillsOf(ref)) - killedBefore;
      report(
        `out of memory, round ${round}`,
        Array.from({ length: killed }, () => 'a process that took 300 MB'),
        `answered ${status}: ${JSON.stringify(body).slice(0, 120)}`,
      );
      expect(JSON.stringify(body)).not.toContain('300000000');
      // Where the command was killed the turn goes on; where its runtime was, it ends with a reason.
      if (status === 200) expect(body['response']).toMatch(new RegExp(`after-${round}$`));
      else expect([status, body['detail']]).toEqual([503, expect.stringMatching(/\w/)]);
      await untilSettled(world.server);
      expect((await chat('small', '<<say alive>>')).body['response']).toBe('alive');
      await expectWhole();
    },
    240_000,
  );

  it.each(roundsOf(1, 20))(
    'memory runs out, and the kernel chooses the main process (round %d)',
    async (round) => {
      const hog = `perl -e '$x = "x" x 300_000_000; print length $x'`;
      const reason = 'Ran out of memory and was killed by the kernel; starting again in 4 s';
      // What the main process starts from now on inherits the preference: its runtime has to run before.
      expect((await chat('small', '<<say ready>>')).body['response']).toBe('ready');
      const asked: ReturnType<typeof chat>[] = [];
      const { row, storedMs } = await endsWith('small', reason, async () => {
        preferForOom(await mainProcessOf((await rowOf('small')).ref));
        asked.push(chat('small', `<<bash ${hog}>> <<say after-${round}>>`));
      });
      report(`main process out of memory, round ${round}`, ['a container'], `stored after ${storedMs} ms: ${reason}`);
      expect(row).toMatchObject({ exit_code: 137, oom_killed: true });
      expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([503]);
      expect((await chat('small', '<<say alive>>')).body['response']).toBe('alive');
      await expectWhole();
    },
    240_000,
  );

  // A minute each, so only in the full set.
  (full ? it : it.skip).each(roundsOf(1, 20))(
    'the main process is killed again and again, until it is given up (round %d)',
    async (round) => {
      await world.server.admin.post('/api/agents/ending/stop');
      expect((await world.server.admin.post('/api/agents/ending/start')).status).toBe(200);
      const socket = await world.server.events();
      const told = (): string[] =>
        socket.events.flatMap((event) => {
          const reason = event['agent_name'] === 'ending' ? String(event['reason']) : '';
          return /exit code 137/.test(reason) ? [reason] : [];
        });
      for (let attempt = 1; attempt <= 6; attempt += 1) {
        await until('it runs', async () => (await rowOf('ending')).state === 'running', 90_000);
        await killMain('ending');
        await socket.waitFor(() => told().length === attempt, 60_000);
      }
      socket.close();
      const reasons = told();
      const [last] = reasons.slice(-1);
      expect((await shownOf('ending')).reasons).toEqual([last, last, last]);
      report(`crash loop, round ${round}`, reasons, 'given up');
      expect(reasons.map((text) => /(?:in (\d+) s|gave up)/.exec(text)?.[1] ?? 'up')).toEqual([
        '1',
        '2',
        '4',
        '8',
        '16',
        'up',
      ]);
      expect(await rowOf('ending')).toMatchObject({ state: 'failed', exit_code: 137 });
      expect((await chat('neighbour', '<<say still>>')).body['response']).toBe('still');
      expect((await world.server.admin.post('/api/agents/ending/start')).status).toBe(200);
      expect((await chat('ending', '<<say back>>')).body['response']).toBe('back');
      await expectWhole();
    },
    300_000,
  );
});
