import { mainProcessOf } from '../chaos/rig/container-processes.js';
import { containersOf, describeDocker, docker } from '../chaos/rig/docker-world.js';
import { full, report, roundsOf } from '../chaos/rig/rounds.js';
import { until } from '../support/until.js';
import { OpencodeWorld, slowMs } from './turns-support.js';

describeDocker('containers with OpenCode that end', () => {
  let world: OpencodeWorld;
  beforeAll(async () => {
    world = await OpencodeWorld.with(['talker', 'sleeper']);
    await world.admin.post('/api/agents/sleeper/stop');
  }, 1_500_000);
  beforeEach(() => world.mended(), slowMs);
  afterAll(() => world.close(), slowMs);

  it(
    'tells within two seconds when one is killed at the engine, and leaves it stopped',
    async () => {
      const socket = await world.server.events();
      const killed = Date.now();
      await docker.getContainer(await world.refOf('talker')).kill();
      const event = await socket.event(
        (one) => one['type'] === 'agent_status' && one['agent_name'] === 'talker' && one['status'] === 'stopped',
        10_000,
      );
      const ms = Date.now() - killed;
      report('docker kill with OpenCode', ['a container'], `seen after ${ms} ms`);
      expect(String(event['reason'])).toContain('from outside Flotilla');
      expect(ms).toBeLessThan(2000);
      socket.close();
      await world.expectWhole();
      expect((await world.admin.post('/api/agents/talker/start')).status).toBe(200);
    },
    slowMs,
  );

  it(
    'starts one again whose main process died, and says what became of its turn',
    async () => {
      const call = world.ask('talker', 'm6 <<slow 100 100>> <<say end-m6>>');
      await world.runs('m6');
      const before = await world.instance('talker');
      process.kill(await mainProcessOf(await world.refOf('talker')), 'SIGKILL');
      await until('it runs anew', async () => {
        const now = await world.instance('talker');
        return now?.state === 'running' && now.boot !== before?.boot;
      });
      const { state, error } = await world.finished('m6');
      expect([state, typeof error]).toEqual(['interrupted', 'string']);
      report('main process of OpenCode killed', ['a turn'], String(error));
      expect((await call)?.status).toBe(503);
      expect((await world.ask('talker', 'm7 <<say back>>'))?.status).toBe(200);
      await world.expectWhole();
    },
    slowMs,
  );

  it(
    'says so when a runtime runs out of memory, and lives on',
    async () => {
      const { status } = await world.admin.post('/api/agents', {
        name: 'small',
        resources: { cpu: '1', memory: '96m' },
      });
      expect(status).toBe(200);
      const answer = await world.ask('small', 'm8 <<say hello>>');
      const { state, error } = await world.finished('m8');
      report('OpenCode out of memory', ['a turn'], `${answer?.status} ${state}: ${error}`);
      expect(['failed', 'interrupted']).toContain(state);
      expect(error).toEqual(expect.any(String));
      await world.expectWhole();
      expect((await world.admin.delete('/api/agents/small')).status).toBe(200);
    },
    slowMs * 2,
  );

  const running = async (): Promise<number> =>
    (await containersOf(world.world.install)).filter(({ State }) => State === 'running').length;
  async function stopAll(): Promise<void> {
    for (const { Id, State } of await containersOf(world.world.install)) {
      if (State === 'running') await docker.getContainer(Id).stop({ t: 1 });
    }
  }
  /** Those wanted running run again, the others do not; the turn was interrupted, and the agent works. */
  async function expectBack(mark: string): Promise<void> {
    const wanted = (await world.instances()).filter(({ desired }) => desired === 'running');
    await until('those wanted running are back', async () => (await running()) === wanted.length, 60_000);
    expect(await world.finished(mark)).toMatchObject({ state: 'interrupted', error: expect.any(String) });
    expect(wanted.map(({ slug }) => slug)).toEqual(['talker']);
    expect((await world.ask('talker', `${mark}-after <<say back again>>`))?.status).toBe(200);
    await world.expectWhole();
  }

  it.each(roundsOf(1, 5))(
    'brings back after an engine restart what was wanted running, and nothing else (round %d)',
    async (round) => {
      const mark = `m9-${round}`;
      const call = world.ask('talker', `${mark} <<slow 200 100>> <<say end-${mark}>>`);
      await world.runs(mark);
      const struck = world.world.proxy.cut();
      await stopAll();
      await world.world.proxy.mend();
      const mended = Date.now();
      await until('it runs', async () => (await running()) === 1, 60_000);
      report(
        `engine restarted with OpenCode, round ${round}`,
        struck.map(what),
        `back after ${Date.now() - mended} ms`,
      );
      await expectBack(mark);
      await call;
    },
    slowMs * 2,
  );

  // R8: server and containers ended together.
  (full ? it : it.skip).each(roundsOf(0, 5))(
    'brings back after a boot of the machine what was wanted running, and nothing else (round %d)',
    async (round) => {
      const mark = `m11-${round}`;
      const call = world.ask('talker', `${mark} <<slow 200 100>> <<say end-${mark}>>`);
      await world.runs(mark);
      await world.server.kill();
      const struck = await running();
      await stopAll();
      const readyMs = await world.server.start();
      report(`machine booted with OpenCode, round ${round}`, [`${struck} containers`], `up after ${readyMs} ms`);
      expect(struck).toBe(1);
      await expectBack(mark);
      await call;
    },
    slowMs * 2,
  );
});

/** A call at the engine, without what differs from one to the next. */
const what = (call: string): string => call.replace(/\?.*|[0-9a-f]{64}/g, '*');
