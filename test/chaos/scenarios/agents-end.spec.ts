import { until } from '../../support/until.js';
import { expectEngineMatches, expectReasons, expectWholeSessions, untilSettled } from '../invariants.js';
import { mainProcessOf } from '../rig/container-processes.js';
import { describeDocker, dockerWorld, type DockerWorld } from '../rig/docker-world.js';
import { full, report, roundsOf } from '../rig/rounds.js';

// R11: containers and runtimes end in every way: killed, out of memory, with exit code 1, again and again. Their state says
// so with a reason, they come back after a growing pause, and the agent next to them notices nothing.

interface Row {
  readonly state: string;
  readonly reason: string | null;
  readonly boot: string | null;
  readonly failures: number;
  readonly ref: string;
}

describeDocker('agents that end by themselves', () => {
  let world: DockerWorld;
  beforeAll(async () => {
    world = await dockerWorld();
    for (const body of [
      { name: 'ending' },
      { name: 'neighbour' },
      { name: 'small', resources: { cpu: '1', memory: '96m' } },
    ]) {
      expect((await world.server.admin.post('/api/agents', body)).status).toBe(200);
    }
  }, 240_000);
  afterAll(() => world.close(), 60_000);

  const chat = (name: string, message: string) => world.server.admin.post(`/api/agents/${name}/chat`, { message });
  async function rowOf(name: string): Promise<Row> {
    const [row] = await world.server.sql<Row>(
      `select i.state, i.reason, i.boot, i.failures, i.ref from instances i join agents a on a.id = i.agent_id
       where a.slug = '${name}'`,
    );
    if (!row) throw new Error(`there is no ${name}`);
    return row;
  }
  /** Kills the main process and waits until that is told. */
  async function killMain(name: string): Promise<{ row: Row; tookMs: number }> {
    const before = await rowOf(name);
    const pid = await mainProcessOf(before.ref);
    const began = Date.now();
    process.kill(pid, 'SIGKILL');
    const row = await until(
      'the end is told',
      async () => {
        const now = await rowOf(name);
        return now.failures > before.failures && now;
      },
      30_000,
    );
    return { row, tookMs: Date.now() - began };
  }
  const forget = (name: string): Promise<unknown> =>
    world.server.sql(
      `update instances set failures = 0 where agent_id = (select id from agents where slug = '${name}')`,
    );
  async function expectWhole(): Promise<void> {
    await untilSettled(world.server);
    await expectEngineMatches(world.server);
    await expectWholeSessions(world.server);
    await expectReasons(world.server);
  }

  it.each(roundsOf(1, 20))(
    'the main process is killed in a turn (round %d)',
    async (round) => {
      await forget('ending');
      const before = await rowOf('ending');
      const asked = chat('ending', `<<slow 200 100>> <<say end-${round}>>`);
      const other = chat('neighbour', `<<slow 20 100>> <<say whole-${round}>>`);
      await until(
        'the turns run',
        async () => {
          return (await world.server.sql(`select 1 from turns where state = 'running'`)).length === 2;
        },
        60_000,
      );
      const { row, tookMs } = await killMain('ending');
      report(`exit 137, round ${round}`, ['a running turn'], `told after ${tookMs} ms: ${row.reason ?? 'no reason'}`);
      expect(row.reason).toMatch(/^Ended unexpectedly with exit code 137; starting again in 1 s$/);
      expect((await asked).status).toBe(503);
      expect(String((await other).body['response'])).toMatch(new RegExp(`whole-${round}$`));
      await until(
        'it runs anew',
        async () => {
          const now = await rowOf('ending');
          return now.state === 'running' && now.boot !== before.boot;
        },
        60_000,
      );
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
      const { status, body } = await chat('small', `<<bash ${hog}>> <<say after-${round}>>`);
      const lived = JSON.stringify(body).includes('300000000');
      report(
        `out of memory, round ${round}`,
        lived ? [] : ['a process that took 300 MB'],
        `answered ${status}: ${JSON.stringify(body).slice(0, 120)}`,
      );
      if (status !== 200) expect(String(body['detail'])).not.toBe('');
      await untilSettled(world.server);
      expect((await chat('small', '<<say alive>>')).body['response']).toBe('alive');
      await expectWhole();
    },
    240_000,
  );

  // A minute each, so only in the full set.
  (full ? it : it.skip).each(roundsOf(1, 3))(
    'the main process is killed again and again, until it is given up (round %d)',
    async (round) => {
      await world.server.admin.post('/api/agents/ending/stop');
      expect((await world.server.admin.post('/api/agents/ending/start')).status).toBe(200);
      const reasons: string[] = [];
      for (let attempt = 1; attempt <= 6; attempt += 1) {
        await until('it runs', async () => (await rowOf('ending')).state === 'running', 90_000);
        reasons.push((await killMain('ending')).row.reason ?? '');
      }
      report(`crash loop, round ${round}`, reasons, 'given up');
      expect(reasons.map((text) => /(?:in (\d+) s|gave up)/.exec(text)?.[1] ?? 'up')).toEqual([
        '1',
        '2',
        '4',
        '8',
        '16',
        'up',
      ]);
      expect(await rowOf('ending')).toMatchObject({ state: 'failed', reason: expect.stringContaining('gave up') });
      expect((await chat('neighbour', '<<say still>>')).body['response']).toBe('still');
      expect((await world.server.admin.post('/api/agents/ending/start')).status).toBe(200);
      expect((await chat('ending', '<<say back>>')).body['response']).toBe('back');
      await expectWhole();
    },
    300_000,
  );
});
