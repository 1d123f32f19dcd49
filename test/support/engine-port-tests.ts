import type {
  ContainerEngine,
  EngineEvent,
  EngineInstance,
  EngineSignal,
  ExecRequest,
} from '../../src/core/instances/engine.port.js';
import { describeHomeLayout } from './home-layout-tests.js';
import { describeChannel } from './channel-port-tests.js';
import { collect, EngineFixture, type EngineUnderTest } from './engine-fixture.js';
import { until } from './until.js';

/** Listens to events in the background until `stop()`. */
function listen(engine: ContainerEngine, since?: string) {
  const stopping = new AbortController();
  const seen: EngineSignal[] = [];
  const events = (): EngineEvent[] => seen.flatMap((one) => (one.kind === 'event' ? [one.event] : []));
  const done = (async () => {
    const stream = engine.events({ ...(since ? { since } : {}), signal: stopping.signal });
    for await (const one of stream) seen.push(one);
  })();
  return {
    events,
    connected: () => until('events are connected', () => seen.some((one) => one.kind === 'connected')),
    of: (instanceId: string, action: EngineEvent['action']) =>
      until(`${action} of ${instanceId}`, () =>
        events().find((one) => one.instanceId === instanceId && one.action === action),
      ),
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}

/** The promises of the `ContainerEngine` port, asked of a real engine. */
export function describeEngine(name: string, make: () => Promise<EngineUnderTest>): void {
  describe(`engine: ${name}`, () => {
    let fleet: EngineFixture;
    let engine: ContainerEngine;
    beforeAll(async () => {
      const under = await make();
      fleet = new EngineFixture(under);
      engine = fleet.engine;
      await engine.connect();
      if (!(await engine.findImage(under.runtime))) await engine.prepareImage(under.runtime, () => undefined);
    }, 600_000);
    afterAll(() => fleet.close());

    describe('lifecycle', () => {
      it('creates an instance once, however often it is asked', async () => {
        const spec = fleet.spec();
        const [first, second] = [await engine.create(spec), await engine.create(spec)];
        expect(second.ref).toBe(first.ref);
        expect(first).toMatchObject({ instanceId: spec.instanceId, name: spec.containerName, phase: 'created' });
        expect((await engine.list()).filter((one) => one.instanceId === spec.instanceId)).toHaveLength(1);
      });

      it('starts, stops and starts again; repeated calls change nothing, every start is another boot', async () => {
        const { instanceId, ref } = await engine.create(fleet.spec());
        await engine.start(ref);
        const up = await fleet.inspect(instanceId);
        expect([up.phase, up.exitCode]).toEqual(['running', null]);
        await engine.start(ref);
        expect((await fleet.inspect(instanceId)).startedAt).toBe(up.startedAt);

        await engine.stop(ref, 8);
        await engine.stop(ref, 8);
        expect(await fleet.inspect(instanceId)).toMatchObject({ phase: 'exited', exitCode: 143, oomKilled: false });

        await engine.start(ref);
        const again = await fleet.inspect(instanceId);
        expect(again.phase).toBe('running');
        expect(again.startedAt).not.toBe(up.startedAt);
        expect(Number.isNaN(Date.parse(again.startedAt ?? ''))).toBe(false);
      });

      it('kills at once and tells the exit code', async () => {
        const { instanceId, ref } = await fleet.running();
        await engine.kill(ref);
        expect(await fleet.exited(instanceId)).toMatchObject({ exitCode: 137, oomKilled: false });
        await engine.kill(ref).catch((error: unknown) => expect(error).toMatchObject({ fault: 'conflict' }));
      });

      it('tells the exit code of an instance that failed by itself', async () => {
        const one = await fleet.running();
        const root = await fleet.root(one);
        await root.write('run', 'gen/1/in', 'a plain file where the FIFO belongs');
        await fleet.launch(one, 1, 'true');
        expect((await fleet.exited(one.instanceId)).exitCode).toBe(72);
      });

      it('keeps the files of the home over a restart, and runs no generation twice', async () => {
        const one = await fleet.running();
        await fleet.launch(one, 1, 'echo ran >>count; cat');
        const count = async () => (await (await fleet.developer(one)).read('home', 'count')).data.toString();
        await until('the generation runs', () => count().catch(() => false));
        await engine.stop(one.ref, 8);
        fleet.channels.close(one.instanceId);
        await engine.start(one.ref);
        await (await fleet.root(one)).ring('run', 'wake');
        await fleet.launch(one, 2, 'echo again >>count; cat');
        await until('generation 2 runs', async () => (await count()) === 'ran\nagain\n');
      });

      it('renames, updates and forgets', async () => {
        const { instanceId, ref } = await fleet.running();
        await engine.rename(ref, `${instanceId}-new`);
        await engine.update(ref, { cpus: 2, memoryBytes: 300 * 2 ** 20, pids: 99 });
        expect(await fleet.inspect(instanceId)).toMatchObject({
          name: `${instanceId}-new`,
          limits: { cpus: 2, memoryBytes: 300 * 2 ** 20, pids: 99 },
        });
        expect((await engine.listVolumes()).map((one) => one.instanceId)).toContain(instanceId);

        await engine.remove(instanceId, { volumes: true });
        await engine.remove(instanceId, { volumes: true });
        expect(await engine.inspect(instanceId)).toBeNull();
        expect((await engine.listVolumes()).map((one) => one.instanceId)).not.toContain(instanceId);
        await expect(engine.start(ref)).rejects.toMatchObject({ name: 'EngineError', fault: 'not_found' });
      });

      it('says so when a runtime is unknown', async () => {
        expect(await engine.findImage('no-such-runtime')).toBeNull();
        await expect(engine.create({ ...fleet.spec(), runtime: 'no-such-runtime' })).rejects.toMatchObject({
          name: 'EngineError',
          fault: 'no_image',
        });
      });
    });

    describe('events', () => {
      it('announces what happens, and after a gap what happened meanwhile', async () => {
        const before = listen(engine);
        await before.connected();
        const { instanceId, ref } = await fleet.running();
        await before.of(instanceId, 'create');
        const started = await before.of(instanceId, 'start');
        await before.stop();

        await engine.kill(ref);
        await fleet.exited(instanceId);
        const after = listen(engine, started.at);
        await after.connected();
        expect(await after.of(instanceId, 'die')).toMatchObject({ ref, exitCode: 137 });
        await engine.remove(instanceId, { volumes: true });
        await after.of(instanceId, 'destroy');
        expect(after.events().filter((one) => BigInt(one.at) < BigInt(started.at))).toEqual([]);
        await after.stop();
      });
    });

    describe('exec', () => {
      let one: EngineInstance;
      beforeAll(async () => (one = await fleet.running()));

      it('keeps stdout, stderr and the exit code apart', async () => {
        const script = 'echo out; echo err >&2; echo "$GIVEN $FLOTILLA_TEST $HOME"; pwd; exit 3';
        const home = engine.pathOf(one.ref, 'home');
        const request = { argv: ['sh', '-c', script], user: 'developer', env: { GIVEN: 'a b' }, cwd: '/' } as const;
        const { stdout, stderr, code } = await fleet.exec(one.ref, request);
        expect([stdout.toString(), stderr.toString(), code]).toEqual([`out\na b plain ${home}\n/\n`, 'err\n', 3]);
      });

      it('carries 5 MB of binary both ways, and the end of input', async () => {
        const data = Buffer.alloc(5 * 2 ** 20, Buffer.from(Array.from({ length: 251 }, (_, at) => at)));
        const { stdout, code } = await fleet.exec(one.ref, { argv: ['cat'], user: 'developer' }, data);
        expect([stdout.equals(data), code]).toEqual([true, 0]);
      });

      it('tells a death by signal as 128+n', async () => {
        const { code } = await fleet.exec(one.ref, { argv: ['sh', '-c', 'kill -9 $$'], user: 'developer' });
        expect(code).toBe(137);
      });

      it('gives a terminal, or says that it cannot', async () => {
        const request: ExecRequest = { argv: ['sh'], user: 'developer', tty: { cols: 91, rows: 17 } };
        if (!engine.abilities.terminal) {
          await expect(engine.exec(one.ref, request)).rejects.toMatchObject({ fault: 'unsupported' });
          return;
        }
        const handle = await engine.exec(one.ref, request);
        const output = collect(handle.stdout);
        handle.stdin.write('tty; stty size; exit 4\n');
        expect((await output).toString()).toMatch(/\/dev\/pts\/\d+[^]*17 91/);
        expect(await handle.exited).toBe(4);
        handle.close();
      });

      it('refuses an instance that does not run', async () => {
        const { ref } = await engine.create(fleet.spec());
        await expect(engine.exec(ref, { argv: ['true'], user: 'developer' })).rejects.toMatchObject({
          name: 'EngineError',
          fault: 'conflict',
        });
      });
    });

    describe('logs and counters', () => {
      it('gives the last lines, and follows', async () => {
        const one = await fleet.running();
        await fleet.launch(one, 1, 'echo first >&2; echo second >&2; while read -r line; do echo "$line" >&2; done');
        const last = async (tail: number) => {
          const parts: Buffer[] = [];
          for await (const part of engine.logs(one.ref, { tail })) parts.push(part);
          return Buffer.concat(parts).toString();
        };
        await until('the runtime has spoken', async () => (await last(10)).includes('second'));
        expect(await last(1)).toMatch(/^[^\n]+\n$/);

        const stopping = new AbortController();
        let seen = '';
        const following = (async () => {
          const stream = engine.logs(one.ref, { tail: 10, follow: true, signal: stopping.signal });
          for await (const part of stream) seen += part.toString();
        })();
        await until('the log has come', () => seen.includes('second'));
        const root = await fleet.root(one);
        await root.write('run', 'gen/1/spool/1', 'third\n');
        await root.ring('run', 'gen/1/bell');
        await until('the new line has come', () => seen.includes('third\n'));
        stopping.abort();
        await following;
      });

      it('reads the counters of many instances at once', async () => {
        const [one, other] = [await fleet.running(), await fleet.running()];
        await engine.remove(other.instanceId, { volumes: true });
        const samples = await engine.sample([one.ref, other.ref]);
        expect(samples.map((sample) => sample.instanceId)).toEqual([one.instanceId]);
        expect(samples[0]?.memoryBytes).toBeGreaterThan(0);
        expect(typeof samples[0]?.cpuNanos).toBe('bigint');
      });
    });

    describeHomeLayout(() => fleet);
    describeChannel(() => fleet);
  });
}
