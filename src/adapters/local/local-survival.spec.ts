import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineFixture } from '../../../test/support/engine-fixture.js';
import { until } from '../../../test/support/until.js';
import type { EngineEvent } from '../../core/instances/engine.port.js';
import { LocalEngine } from './local.engine.js';
import { memberships, signal } from './processes.js';

/** A control plane in small: an engine with its channels. Another one on the same folder takes over. */
class Plane extends EngineFixture {
  readonly events: EngineEvent[] = [];
  private readonly stopping = new AbortController();

  static async open(dataDir: string, since?: string): Promise<Plane> {
    const extraRuntimes = { plain: { bin: '/bin' } };
    const engine = new LocalEngine({ config: { dataDir }, installId: dataDir, extraRuntimes });
    await engine.connect();
    const plane = new Plane({ engine, runtime: 'plain', close: () => engine.close() });
    void plane.listen(since);
    return plane;
  }

  /** As a kill -9 would: the instances live on. */
  async vanish(): Promise<void> {
    this.stopping.abort();
    this.channels.closeAll();
    await this.engine.close();
  }

  died(instanceId: string): Promise<EngineEvent> {
    return until(`${instanceId} dies`, () =>
      this.events.find((event) => event.instanceId === instanceId && event.action === 'die'),
    );
  }

  private async listen(since?: string): Promise<void> {
    const options = { signal: this.stopping.signal, ...(since !== undefined && { since }) };
    for await (const one of this.engine.events(options)) if (one.kind === 'event') this.events.push(one.event);
  }
}

describe('the local engine and its processes', () => {
  let dataDir: string;
  let plane: Plane;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'flotilla-survival-'));
    plane = await Plane.open(dataDir);
  });
  afterEach(async () => {
    await plane.close();
    await rm(dataDir, { recursive: true });
  });
  const alive = (mark: string) => memberships().filter((one) => one.owner === `${dataDir}/${mark}`);
  const lastAt = () => plane.events.at(-1)?.at ?? '0';

  it('finds its instances again, in the same run, and hears of their end', async () => {
    const one = await plane.running();
    await plane.launch(one, 1, 'echo before; cat');
    await until('it runs', async () => (await plane.root(one)).stat('run', 'gen/1/pids').catch(() => false));
    await plane.vanish();

    plane = await Plane.open(dataDir, lastAt());
    expect(await plane.inspect(one.instanceId)).toEqual(one);
    const journal = (await (await plane.root(one)).read('run', 'gen/1/journal')).data.toString();
    expect(journal).toBe('before\n');
    const started = Date.now();
    // Nobody's child here: only looking finds out.
    for (const { pid } of alive(one.instanceId)) signal(pid, 'SIGKILL');
    expect(await plane.died(one.instanceId)).toMatchObject({ exitCode: 137 });
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  it('knows the exit code of what ended while nobody looked', async () => {
    const one = await plane.running();
    const since = lastAt();
    await (await plane.root(one)).write('run', 'gen/1/in', 'a plain file where the FIFO belongs');
    await plane.vanish();
    await writeFile(join(dataDir, 'local', one.instanceId, 'run/gen/1/launch'), "set -- 'true'\n");
    await writeFile(join(dataDir, 'local', one.instanceId, 'run/want'), '1\n');
    await writeFile(join(dataDir, 'local', one.instanceId, 'run/wake'), '\n');
    await until('it ended', () => stat(join(dataDir, 'local', one.instanceId, 'exit')).catch(() => false));

    plane = await Plane.open(dataDir, since);
    expect((await plane.exited(one.instanceId)).exitCode).toBe(72);
    expect((await plane.died(one.instanceId)).exitCode).toBe(72);
  });

  it('leaves nothing behind: processes that fled into sessions of their own, or wiped their environment', async () => {
    const one = await plane.running();
    // Without users of their own, a process that fled and wiped its environment is nobody's any more.
    const wiped = process.getuid?.() === 0 ? 'env -i setsid sleep 977 &' : '';
    const script = `setsid sleep 977 & ${wiped} trap "" TERM; sleep 977`;
    const handle = await plane.engine.exec(one.ref, { argv: ['sh', '-c', script], user: 'developer' });
    handle.stdout.resume();
    const uid = (await stat(plane.engine.pathOf(one.ref, 'home'))).uid;
    const own = uid !== process.getuid?.();
    const mine = () => memberships().filter((process) => (own ? process.uid === uid : false));
    if (own) await until('all run', () => mine().filter((process) => process.owner === null).length > 0);
    await plane.engine.stop(one.ref, 8);
    expect([alive(one.instanceId), mine()]).toEqual([[], []]);
    expect((await plane.inspect(one.instanceId)).exitCode).toBe(143);
    await plane.engine.remove(one.instanceId, { volumes: true });
    expect(await readdir(join(dataDir, 'local'))).toEqual(expect.not.arrayContaining([one.instanceId]));
  });

  it('takes the rest down with a main process that was killed from outside', async () => {
    const one = await plane.running();
    await plane.launch(one, 1, 'cat');
    await until('it runs', async () => (await plane.root(one)).stat('run', 'gen/1/pids').catch(() => false));
    const state = JSON.parse(await readFile(join(dataDir, 'local', one.instanceId, 'state.json'), 'utf8')) as {
      run: { pid: number };
    };
    signal(state.run.pid, 'SIGKILL');
    expect(await plane.died(one.instanceId)).toMatchObject({ exitCode: 137 });
    await until('nothing is left', () => alive(one.instanceId).length === 0);
  });

  it('keeps folders on request, and gives them back to the same instance', async () => {
    const one = await plane.running();
    await (await plane.developer(one)).write('home', 'kept', 'yes');
    await plane.engine.remove(one.instanceId, { volumes: false });
    expect(await plane.engine.inspect(one.instanceId)).toBeNull();
    expect((await plane.engine.listVolumes()).map((volume) => volume.instanceId)).toEqual([one.instanceId]);
    const again = await plane.engine.create(plane.spec(one.instanceId));
    expect(again.ref).not.toBe(one.ref);
    await plane.engine.start(again.ref);
    expect((await (await plane.developer(again)).read('home', 'kept')).data.toString()).toBe('yes');
  });

  it('lets no instance see another, nor our own settings', async () => {
    const [one, other] = [await plane.running(), await plane.running()];
    await (await plane.developer(other)).write('home', 'private', 'x', { mode: 0o644 });
    const channel = await plane.developer(one);
    const environment = (await channel.run({ argv: ['env'] })).stdout.toString();
    const names = [...environment.matchAll(/^(\w+)=/gm)].map((match) => match[1] ?? '').sort();
    const expected = [
      'FLOTILLA_EXEC',
      'FLOTILLA_INSTANCE',
      'FLOTILLA_TEST',
      'HOME',
      'LANG',
      'LOGNAME',
      'PATH',
      'TMPDIR',
      'USER',
    ];
    expect(names.filter((name) => !['PWD', '_', 'OLDPWD', 'SHLVL'].includes(name))).toEqual(expected);
    if (process.getuid?.() !== 0) return;
    const theirs = plane.engine.pathOf(other.ref, 'home');
    expect((await channel.run({ argv: ['cat', `${theirs}/private`] })).exitCode).toBe(1);
    expect((await channel.run({ argv: ['ls', join(dataDir, 'local')] })).exitCode).not.toBe(0);
  });
});
