import { setTimeout as pause } from 'node:timers/promises';
import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';
import { expectEngineMatches, expectReasons, expectWholeSessions, untilSettled } from '../invariants.js';
import { expectNothingLeft } from '../leftovers.js';
import { describeDocker, docker, dockerWorld, volumesOf, type DockerWorld } from '../rig/docker-world.js';
import { full, report, roundsOf } from '../rig/rounds.js';

// R5, R6, R7: the engine cannot be reached, loses its answers after the work was done, or says nothing on an open event
// stream. A Unix socket in front of the real engine does all of it.

/** Of 5 minutes, the longest of the list, FLOTILLA_CHAOS_ROUNDS asks for more than one. */
const cuts = full
  ? [...[1_000, 30_000].flatMap((ms) => of(ms, roundsOf(1, 10))), ...of(300_000, roundsOf(1, 1))]
  : [1_000, 8_000].flatMap((ms) => of(ms, roundsOf(1, 1)));

/** Milliseconds within which a silent event stream must have been noticed, by the list every 45 s. */
const noticeMs = 60_000;

describeDocker('the engine behind a fault proxy', () => {
  let world: DockerWorld;
  let hosted: TrinityClient;
  /** Of the Hosted Agents API, by name. */
  const ids = new Map<string, string>();
  beforeAll(async () => {
    // What it asks again and again must be answered by the agent's state, not by the limit of requests.
    world = await dockerWorld({ HOSTEDAGENTS_RATE_LIMIT: '1000000' });
    const { admin } = world.server;
    for (const name of ['worker', 'resting']) {
      expect((await admin.post('/api/agents', { name })).status).toBe(200);
    }
    hosted = admin.as(String((await admin.post('/api/v1/tokens', { label: 'chaos' })).body['token']));
    const { body } = await hosted.get<{ agents: { agentId: string; name: string }[] }>('/api/v1/agents');
    for (const { name, agentId } of body.agents) ids.set(name, agentId);
    expect((await world.server.admin.post('/api/agents/resting/stop')).status).toBe(200);
  }, 240_000);
  // A round that failed is not held against the next one.
  afterEach(async () => {
    world.proxy.faults = [];
    if (!world.proxy.takesCalls) await world.proxy.mend();
  });
  afterAll(() => world.close(), 60_000);

  const stateOf = async (name: string): Promise<string | undefined> => {
    const [row] = await world.server.sql<{ state: string }>(
      `select i.state from instances i join agents a on a.id = i.agent_id where a.slug = '${name}'`,
    );
    return row?.state;
  };
  const containerOf = async (name: string): Promise<string> => {
    const [row] = await world.server.sql<{ ref: string }>(
      `select i.ref from instances i join agents a on a.id = i.agent_id where a.slug = '${name}'`,
    );
    return row?.ref ?? '';
  };
  /** Reads of each API; none of them needs the engine. The Trinity API marks what may be stale. */
  const trinityReads = [
    '/api/agents',
    '/api/agents/worker',
    '/api/agents/worker/chat/history',
    '/api/agents/context-stats',
  ];
  const consoleReads = ['/~console/fleet', '/~console/approvals'];
  /** What needs the engine, of each API. */
  const refusedCalls = [
    () => world.server.admin.post('/api/agents/resting/start'),
    () => world.server.admin.post('/api/agents', { name: 'never-made' }),
    () => hosted.post(`/api/v1/agents/${ids.get('resting') ?? ''}/start`),
  ];
  const engineMark = async (path: string): Promise<string | null> =>
    (await world.server.admin.get(path)).headers.get('x-flotilla-engine');
  /**
   * The list is never empty, and everything else answers too. Once the loss was `noticed`, each API says so in its words: a mark on
   * what may be stale, an agent that cannot be reached. @returns how many calls that was
   */
  async function expectReads(noticed: boolean): Promise<number> {
    const { admin } = world.server;
    const { body } = await admin.get<unknown[]>('/api/agents');
    expect(body).toHaveLength(2);
    for (const path of trinityReads) {
      const { status, headers } = await admin.get(path);
      expect({ path, status }).toEqual({ path, status: 200 });
      if (noticed) expect({ path, mark: headers.get('x-flotilla-engine') }).toEqual({ path, mark: 'unreachable' });
    }
    for (const path of consoleReads)
      expect({ path, status: (await admin.get(path)).status }).toEqual({ path, status: 200 });
    expect((await hosted.get('/api/v1/agents')).body['total']).toBe(2);
    const { status, body: worker } = await hosted.get(`/api/v1/agents/${ids.get('worker') ?? ''}`);
    expect(status).toBe(200);
    if (noticed) expect(worker['reachable']).toBe(false);
    return trinityReads.length + consoleReads.length + 3;
  }
  async function expectWhole(): Promise<void> {
    await untilSettled(world.server);
    await until(
      'the engine matches',
      () =>
        expectEngineMatches(world.server).then(
          () => true,
          () => false,
        ),
      10_000,
    );
    await expectWholeSessions(world.server);
    await expectReasons(world.server);
    await expectNothingLeft(world);
  }

  // R5
  it.each(cuts)(
    'cannot be reached for %d ms (round %d)',
    async (ms, round) => {
      const { server, proxy } = world;
      const end = `end-${ms}-${round}`;
      const chat = server.admin.post('/api/agents/worker/chat', { message: `<<slow 40 50>> <<say ${end}>>` });
      await until(
        'the turn runs',
        async () => (await server.sql(`select 1 from turns where state = 'running'`)).length > 0,
      );
      await until('something is under way at the engine', () => proxy.inFlight.length > 0);
      const struck = proxy.cut().map((call) => call.replace(/\?.*|[0-9a-f]{64}/g, '*'));
      const began = Date.now();
      let [noticed, reads, writes] = [false, 0, 0];
      while (Date.now() - began < ms) {
        reads += await expectReads(noticed);
        noticed ||= (await engineMark('/api/agents')) === 'unreachable';
        if (!noticed) continue;
        for (const ask of refusedCalls) {
          const asked = Date.now();
          const write = await ask();
          const told = { status: write.status, body: write.body, wait: write.headers.get('retry-after') };
          expect(told).toMatchObject({ status: 503, wait: '2' });
          expect(JSON.stringify(write.body)).toMatch(/Docker is not available|engine_unreachable/);
          expect(Date.now() - asked).toBeLessThan(2_000);
          writes += 1;
        }
        // Many calls at once are other scenarios' work.
        await pause(Math.min(500, ms / 10));
      }
      // The long cut also ends every container, as a restart of the engine does.
      const restarted = ms > 5_000;
      if (restarted) {
        expect(noticed).toBe(true);
        await docker.getContainer(await containerOf('worker')).kill();
      }
      await proxy.mend();
      const [mended, from] = [Date.now(), server.output.length];
      await until('the worker runs', async () => {
        const found = await docker.getContainer(await containerOf('worker')).inspect();
        return found.State.Running && (await stateOf('worker')) === 'running';
      });
      await until('readiness', async () => (await fetch(`${server.url}/health/ready`)).status === 200, 15_000);
      const tookMs = Date.now() - mended;
      report(
        `engine away ${ms} ms, round ${round}`,
        struck,
        `${reads} reads answered and ${writes} writes refused meanwhile; all as wanted after ${tookMs} ms`,
      );
      // What it said meanwhile tells whether it waited for something, or was only slow.
      expect({ soon: tookMs < 10_000, tookMs, said: server.output.slice(from) }).toMatchObject({ soon: true });
      const { body } = await chat;
      if (!restarted) expect(String(body['response'])).toMatch(new RegExp(`tick 40 ${end}$`));
      expect(await stateOf('resting')).toBe('stopped');
      await until('the mark is gone', async () => (await engineMark('/api/agents')) === null);
      await expectWhole();
    },
    420_000,
  );

  // R6
  it.each(roundsOf(3, 100))(
    'loses the answers of a create and a delete (round %d)',
    async (round) => {
      const { server, proxy } = world;
      const name = `twin-${round}`;
      const before = proxy.struck.length;
      proxy.faults = [{ kind: 'lose', call: /^POST \/(v[\d.]+\/)?containers\/create/, times: 1 }];
      const create = () => server.admin.post('/api/agents', { name });
      const made = await create();
      const of = async (): Promise<string[]> =>
        (await world.containers()).flatMap((one) => (one.Labels['flotilla.agent'] === name ? [one.Id] : []));
      if (made.status !== 200) {
        // Refused: what was begun is taken away again, and asking again succeeds once the engine is trusted again.
        expect(made.status).toBe(503);
        await until('nothing of it is left', async () => (await of()).length === 0);
        await until('it can be made', async () => (await create()).status === 200);
      }
      expect(await of()).toHaveLength(1);
      const [row] = await server.sql<{ id: string }>(
        `select i.id from instances i join agents a on a.id = i.agent_id where a.slug = '${name}'`,
      );

      proxy.faults = [
        { kind: 'lose', call: /^DELETE \/(v[\d.]+\/)?containers\//, times: 1 },
        { kind: 'lose', call: /^DELETE \/(v[\d.]+\/)?volumes\//, times: 1 },
      ];
      const gone = await server.admin.delete(`/api/agents/${name}`);
      expect(gone.status).toBe(200);
      await until(
        'nothing of it is left',
        async () => {
          const volumes = await volumesOf(world.install);
          return (await of()).length === 0 && !volumes.some((volume) => volume.includes(row?.id ?? '-'));
        },
        60_000,
      );
      proxy.faults = [];
      const struck = proxy.struck
        .slice(before)
        .map((call) => call.replace(/\?.*|[0-9a-f]{64}|flotilla-\w+-[0-9a-f-]{36}/g, '*'));
      report(`lost answers, round ${round}`, struck, `create answered ${made.status}, delete ${gone.status}`);
      // A round counts when all three answers were lost.
      expect(struck.map((call) => call.replace(/^(lose \w+ )\S*(containers|volumes).*$/, '$1$2')).sort()).toEqual([
        'lose DELETE containers',
        'lose DELETE volumes',
        'lose POST containers',
      ]);
      await expectWhole();
    },
    240_000,
  );

  it('answers 500 to a start, and is asked again', async () => {
    const { server, proxy } = world;
    const before = proxy.struck.length;
    proxy.faults = [{ kind: 'fail', call: /^POST \/(v[\d.]+\/)?containers\/[0-9a-f]+\/start/, times: 1 }];
    const refused = await server.admin.post('/api/agents/resting/start');
    proxy.faults = [];
    expect([refused.status, refused.body['detail']]).toEqual([
      500,
      expect.stringContaining('injected by the fault proxy'),
    ]);
    report(
      'the engine fails',
      proxy.struck.slice(before).map(() => 'a start'),
      `answered ${refused.status}`,
    );
    await expectReasons(server);
    expect((await server.admin.post('/api/agents/resting/start')).status).toBe(200);
    expect((await server.admin.post('/api/agents/resting/stop')).status).toBe(200);
    await expectWhole();
  }, 60_000);

  // R7: a minute each, so only in the full set.
  (full ? it : it.skip).each(roundsOf(0, 10))(
    'is silent on an open event stream (round %d)',
    async (round) => {
      const { proxy } = world;
      const before = proxy.struck.length;
      proxy.faults = [{ kind: 'swallow', call: /^GET \/(v[\d.]+\/)?events/ }];
      proxy.cut();
      await proxy.mend();
      await until('the stream is open again', () => proxy.struck.slice(before).some(isSwallowed), 30_000);
      await expectWhole();
      const lost = await containerOf('worker');
      await docker.getContainer(lost).remove({ force: true });
      const began = Date.now();
      await until(
        'it is noticed',
        async () => (await stateOf('worker')) !== 'running' || (await containerOf('worker')) !== lost,
        2 * noticeMs,
      );
      const noticedMs = Date.now() - began;
      await until(
        'it is made again',
        async () => (await stateOf('worker')) === 'running' && (await containerOf('worker')) !== lost,
        noticeMs,
      );
      const madeMs = Date.now() - began;
      report(
        `silent events, round ${round}`,
        ['an event stream'],
        `noticed after ${noticedMs}, made again after ${madeMs} ms`,
      );
      expect(noticedMs).toBeLessThanOrEqual(noticeMs);
      proxy.faults = [];
      proxy.cut();
      await proxy.mend();
      // An agent that loses its container round after round is given up in the end, as it should be: a person begins anew.
      for (const wish of ['stop', 'start'])
        expect((await world.server.admin.post(`/api/agents/worker/${wish}`)).status).toBe(200);
      await expectWhole();
    },
    300_000,
  );
});

/** Rounds of one cut. */
function of(ms: number, rounds: readonly number[]): (readonly [number, number])[] {
  return rounds.map((round) => [ms, round] as const);
}
const isSwallowed = (call: string): boolean => call.startsWith('swallow');
