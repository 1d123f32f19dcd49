import { mainProcessOf } from '../chaos/rig/container-processes.js';
import { containersOf, describeDocker, docker } from '../chaos/rig/docker-world.js';
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
      process.stdout.write(`docker kill was seen after ${ms} ms\n`);
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
      process.stdout.write(`out of memory: ${answer?.status} ${state}: ${error}\n`);
      expect(['failed', 'interrupted']).toContain(state);
      expect(error).toEqual(expect.any(String));
      await world.expectWhole();
      expect((await world.admin.delete('/api/agents/small')).status).toBe(200);
    },
    slowMs * 2,
  );

  it(
    'brings back after an engine restart what was wanted running, and nothing else',
    async () => {
      const call = world.ask('talker', 'm9 <<slow 200 100>> <<say end-m9>>');
      await world.runs('m9');
      world.world.proxy.cut();
      for (const { Id, State } of await containersOf(world.world.install)) {
        if (State === 'running') await docker.getContainer(Id).stop({ t: 1 });
      }
      await world.world.proxy.mend();
      const wanted = await world.instances();
      await until(
        'those wanted running are back',
        async () => {
          const up = (await containersOf(world.world.install)).filter(({ State }) => State === 'running').length;
          return up === wanted.filter(({ desired }) => desired === 'running').length;
        },
        60_000,
      );
      expect(await world.finished('m9')).toMatchObject({ state: 'interrupted' });
      await call;
      expect(wanted.filter(({ desired }) => desired === 'running').map(({ slug }) => slug)).toEqual(['talker']);
      expect((await world.ask('talker', 'm10 <<say back again>>'))?.status).toBe(200);
      await world.expectWhole();
    },
    slowMs * 2,
  );
});
