import { createDockerEngine } from '../../src/adapters/docker/docker.engine.js';
import type { EngineEvent } from '../../src/core/instances/engine.port.js';
import { EngineFixture } from '../support/engine-fixture.js';
import { until } from '../support/until.js';
import { cuttableEngine, sshEngine, tlsEngine } from './remote-fixtures.js';
import { engineUnderTest, probe } from './support.js';

beforeAll(async () => {
  const { engine, close } = engineUnderTest();
  await engine.prepareImage(probe, () => undefined);
  await close();
}, 600_000);

/** Closed after each test, also after one that failed. */
const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0).reverse()) await one.close();
});
function closed<T extends { close(): Promise<void> }>(thing: T): T {
  closing.push(thing);
  return thing;
}

/** One container's life with everything that needs the connection: calls, a hijacked exec with end of input, logs, counters. */
async function oneLife(fleet: EngineFixture): Promise<void> {
  const { engine } = fleet;
  await engine.connect();
  const one = await fleet.running();
  const data = Buffer.alloc(2 ** 20, 'flotilla ');
  const { stdout, code } = await fleet.exec(one.ref, { argv: ['cat'], user: 'developer' }, data);
  expect([stdout.equals(data), code]).toEqual([true, 0]);
  expect((await engine.sample([one.ref])).map((sample) => sample.instanceId)).toEqual([one.instanceId]);
  await engine.stop(one.ref, 8);
  expect(await fleet.inspect(one.instanceId)).toMatchObject({ phase: 'exited', exitCode: 143 });
  let log = '';
  for await (const part of engine.logs(one.ref, { tail: 5 })) log += part.toString();
  expect(log).not.toContain('refused');
  await engine.remove(one.instanceId, { volumes: true });
}

describe('tcp:// with TLS', () => {
  let proxy: Awaited<ReturnType<typeof tlsEngine>>;
  beforeAll(async () => (proxy = await tlsEngine()));
  afterAll(() => proxy.close());

  it('does everything', async () => {
    const fleet = closed(new EngineFixture(engineUnderTest(remote(proxy.dockerHost, proxy.certPath))));
    await oneLife(fleet);
  });

  it('does not talk to an engine with a certificate of somebody else', async () => {
    const engine = closed(createDockerEngine(remote(proxy.dockerHost, proxy.foreignPath), 'test'));
    await expect(engine.connect()).rejects.toMatchObject({ fault: 'unreachable', message: /certificate/ });
  });

  it('says which certificate is missing', () => {
    expect(() => createDockerEngine(remote(proxy.dockerHost, '/nowhere'), 'test')).toThrow('/nowhere/ca.pem');
  });
});

describe('ssh://', () => {
  let host: Awaited<ReturnType<typeof sshEngine>>;
  beforeAll(async () => (host = await sshEngine()));
  afterAll(() => host.close());

  it('does everything over one connection, and opens another when that broke', async () => {
    const fleet = closed(new EngineFixture(engineUnderTest({ ...remote(host.dockerHost), ssh: host.ssh })));
    await oneLife(fleet);
    expect(host.counts.connections).toBe(1);
    host.cut();
    await until('the engine is reached again', () =>
      fleet.engine.list().then(
        () => true,
        () => false,
      ),
    );
    expect(host.counts.connections).toBe(2);
  });

  it('refuses a host it does not know, and one that shows another key', async () => {
    const stranger = closed(await sshEngine());
    const port = new URL(host.dockerHost).port;
    const otherKey = stranger.ssh.knownHosts.replace(/^\S+/, `[127.0.0.1]:${port}`);
    for (const [knownHosts, message] of [
      ['', /not in known_hosts/],
      [otherKey, /another host key/],
    ] as const) {
      const engine = closed(createDockerEngine(remote(host.dockerHost), 'test', { ssh: { ...host.ssh, knownHosts } }));
      await expect(engine.connect()).rejects.toMatchObject({ fault: 'unreachable', message });
    }
  });
});

describe('an engine that goes away', () => {
  it('is called unreachable', async () => {
    for (const dockerHost of ['unix:///nowhere/docker.sock', 'tcp://127.0.0.1:9']) {
      const engine = closed(createDockerEngine(remote(dockerHost), 'test'));
      await expect(engine.connect()).rejects.toMatchObject({ name: 'EngineError', fault: 'unreachable' });
    }
    expect(() => createDockerEngine(remote('http://127.0.0.1'), 'test')).toThrow('DOCKER_HOST must start with');
  });

  it('loses no event meanwhile, and tells none twice', async () => {
    const proxy = closed(await cuttableEngine());
    const direct = engineUnderTest();
    const fleet = closed(new EngineFixture(direct));
    const watcher = closed(createDockerEngine(remote(proxy.dockerHost), direct.installId));
    await direct.engine.connect();
    const stopping = new AbortController();
    const events: EngineEvent[] = [];
    let connections = 0;
    const watching = (async () => {
      for await (const signal of watcher.events({ signal: stopping.signal })) {
        if (signal.kind === 'event') events.push(signal.event);
        else connections++;
      }
    })();
    const of = (instanceId: string) => events.filter((one) => one.instanceId === instanceId).map((one) => one.action);

    await until('the stream is open', () => connections === 1);
    const before = await fleet.running();
    await until('the start is told', () => of(before.instanceId).includes('start'));
    proxy.cut();
    await expect(watcher.list()).rejects.toMatchObject({ fault: 'unreachable' });
    await direct.engine.kill(before.ref);
    const meanwhile = await fleet.running();
    proxy.mend();
    await until('the stream is open again', () => connections === 2);
    await direct.engine.kill(meanwhile.ref);
    await until('the last event is told', () => of(meanwhile.instanceId).includes('die'));
    expect(of(before.instanceId)).toEqual(['create', 'start', 'kill', 'die']);
    expect(of(meanwhile.instanceId)).toEqual(['create', 'start', 'kill', 'die']);

    stopping.abort();
    await watching;
  });
});

function remote(dockerHost: string, dockerCertPath: string | null = null) {
  return { dockerHost, dockerCertPath };
}
