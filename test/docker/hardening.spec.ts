import type Docker from 'dockerode';
import type { EngineEvent, EngineInstance, InstanceUser } from '../../src/core/instances/engine.port.js';
import { EngineFixture } from '../support/engine-fixture.js';
import { until } from '../support/until.js';
import { docker, engineUnderTest, probe } from './support.js';

const under = engineUnderTest();
const fleet = new EngineFixture(under);
const { engine } = under;

beforeAll(async () => {
  await engine.connect();
  await engine.prepareImage(probe, () => undefined);
}, 600_000);
afterAll(() => fleet.close());

async function sh(one: EngineInstance, user: InstanceUser, script: string) {
  const { stdout, stderr, code } = await fleet.exec(one.ref, { argv: ['sh', '-c', script], user });
  return { code, output: `${stdout.toString()}${stderr.toString()}` };
}

describe('what the engine is told', () => {
  let info: Docker.ContainerInspectInfo;
  let one: EngineInstance;
  beforeAll(async () => {
    one = await fleet.running();
    info = await docker.getContainer(one.ref).inspect();
  });

  it('has no privileges, no namespaces of the host and no way to more', () => {
    const { HostConfig: host } = info;
    expect(host).toMatchObject({
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
      PidMode: '',
      UTSMode: '',
      IpcMode: 'private',
      Init: true,
      RestartPolicy: { Name: 'no' },
    });
    expect(host.CapAdd?.map((name: string) => name.replace('CAP_', '')).sort()).toEqual(['SETGID', 'SETUID']);
    expect(host.NetworkMode).toBe(`flotilla-${under.installId.slice(0, 8)}`);
    expect(host.Devices ?? []).toEqual([]);
  });

  it('has limits for memory, swap, CPU, processes and log', () => {
    expect(info.HostConfig).toMatchObject({
      Memory: 256 * 2 ** 20,
      MemorySwap: 256 * 2 ** 20,
      NanoCpus: 1e9,
      PidsLimit: 128,
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
      Tmpfs: { '/tmp': 'rw,exec,nosuid,nodev,size=1g,mode=1777' },
    });
  });

  it('mounts its own two volumes and nothing of the host, and publishes no port', () => {
    expect(info.Mounts.map(({ Type, Name, Destination }) => [Type, Name, Destination]).sort()).toEqual([
      ['volume', `flotilla-home-${one.instanceId}`, '/home/developer'],
      ['volume', `flotilla-run-${one.instanceId}`, '/var/lib/flotilla'],
    ]);
    expect(info.HostConfig.Binds ?? []).toEqual([]);
    expect(Object.values(info.NetworkSettings.Ports)).toEqual([]);
  });

  it('is labelled, and so are its volumes', async () => {
    const labels = { 'flotilla.install': under.installId, 'flotilla.instance': one.instanceId };
    expect(info.Config.Labels).toMatchObject({ ...labels, 'flotilla.agent': `test-${one.instanceId}` });
    const volume = await docker.getVolume(`flotilla-home-${one.instanceId}`).inspect();
    expect(volume.Labels).toMatchObject(labels);
  });
});

describe('what can be done inside', () => {
  let one: EngineInstance;
  beforeAll(async () => (one = await fleet.running()));

  const trace = { x64: 101, arm64: 117 }[process.arch as 'x64' | 'arm64'];
  // Root may trace what is root's; it is not the agent, and has no more capabilities than the process it would trace.
  const traceInit = `perl -e 'exit(syscall(${trace}, 16, 1, 0, 0) == 0 ? 0 : 1)'`;
  /** Writes to the first of these files that is there; that none is there is no refusal. */
  const into = (text: string, ...files: readonly string[]): string =>
    `f=$(ls ${files.join(' ')} 2>/dev/null | head -n 1); test -n "$f" || exit 127; echo ${text} >"$f"`;
  const attempts: readonly (readonly [string, string])[] = [
    ['mount a file system', 'mount -t tmpfs none /mnt'],
    ['mount the cgroups', 'mount -t cgroup -o memory cgroup /mnt || mount -t cgroup2 none /mnt'],
    ['make a namespace', 'unshare --user --map-root-user true || unshare --mount true'],
    ['make a device node', 'mknod /tmp/disk b 8 0'],
    ['open a raw socket', `perl -MSocket -e 'exit(socket(my $s, AF_INET, SOCK_RAW, 1) ? 0 : 1)'`],
    ['open a packet socket', `perl -e 'exit(socket(my $s, 17, 3, 0x0300) ? 0 : 1)'`],
    ['write its host name into the kernel', into('1', '/proc/sys/kernel/hostname')],
    ['write a kernel setting', into('1', '/proc/sys/net/ipv4/ip_forward')],
    ['say what handles a crash', into('"|/tmp/x"', '/proc/sys/kernel/core_pattern')],
    // Not every kernel has all of these; one that is missing cannot be used either.
    ['trigger the kernel', 'test -e /proc/version || exit 127; echo b >/proc/sysrq-trigger'],
    [
      'read kernel memory',
      'cat /proc/kcore /proc/kmsg /dev/mem /dev/kmem /dev/port 2>/dev/null | head -c 1 | grep -q .',
    ],
    ['change the host name', 'hostname elsewhere'],
    ['raise a limit of its own', into('max', '/sys/fs/cgroup/pids/pids.max', '/sys/fs/cgroup/pids.max')],
    ['raise its memory', into('-1', '/sys/fs/cgroup/memory/memory.limit_in_bytes', '/sys/fs/cgroup/memory.max')],
    // Where the kernel would run a program of its choice on the host: the file is at the root of a hierarchy of cgroups,
    // which is either not to be seen or not to be written; so is the switch beside it that each group has.
    [
      'name a program that the kernel runs',
      `mkdir -p /tmp/cg; mount -t cgroup -o rdma cgroup /tmp/cg && echo /tmp/x >/tmp/cg/release_agent && exit 0
       ls -d /sys/fs/cgroup/. >/dev/null || exit 127
       for f in $(find -L /sys/fs/cgroup -maxdepth 3 -name release_agent -o -maxdepth 3 -name notify_on_release -o -maxdepth 1 -name cgroup.subtree_control); do
         echo 1 >"$f" && exit 0
       done
       exit 1`,
    ],
    [
      'reach the engine',
      'test -S /var/run/docker.sock || test -S /run/docker.sock || test -S /run/containerd/containerd.sock',
    ],
  ];
  /** What the attempts are made with: were one of these missing, its absence would look like a refusal. */
  const tools = ['mount', 'unshare', 'mknod', 'perl', 'head', 'grep', 'hostname', 'ls', 'find', 'setpriv', 'socat'];
  it('has the tools that the attempts need', async () => {
    const { output } = await sh(
      one,
      'developer',
      `for t in ${tools.join(' ')}; do command -v "$t" >/dev/null || echo "$t"; done`,
    );
    expect(output).toBe('');
  });

  it.each(
    attempts.flatMap(([what, script]) => (['developer', 'root'] as const).map((user) => [user, what, script] as const)),
  )('%s cannot %s', async (user, _, script) => {
    const { code, output } = await sh(one, user, script);
    // 126 and 127: it was not tried. Nothing that is missing counts as refused.
    expect({ code: [0, 126, 127, null].includes(code) ? code : 'refused', output }).toEqual({
      code: 'refused',
      output,
    });
  });

  it('developer cannot trace the first process', async () => {
    expect((await sh(one, 'developer', traceInit)).code).toBe(1);
  });

  it('the developer sees nothing of journal and spool, and becomes nobody else', async () => {
    const secret = await sh(one, 'root', 'echo secret >/var/lib/flotilla/secret && cat /var/lib/flotilla/secret');
    expect(secret.output).toBe('secret\n');
    for (const script of [
      'ls /var/lib/flotilla',
      'cat /var/lib/flotilla/secret',
      'cat /proc/1/root/var/lib/flotilla/secret',
    ]) {
      expect((await sh(one, 'developer', script)).output).not.toContain('secret\n');
    }
    const status = await sh(
      one,
      'developer',
      'grep -E "^(Uid|Cap(Eff|Prm|Amb)|NoNewPrivs|Seccomp):" /proc/self/status',
    );
    expect(status.output.replace(/\s+/g, ' ')).toBe(
      'Uid: 10001 10001 10001 10001 CapPrm: 0000000000000000 CapEff: 0000000000000000 CapAmb: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 ',
    );
    expect((await sh(one, 'developer', 'setpriv --reuid 0 id')).output).toContain('Operation not permitted');
  });

  it('the developer owns the workspace, by both of its names', async () => {
    const { output } = await sh(
      one,
      'developer',
      'pwd; cd /workspace && echo hi >a && cat /home/developer/a; id -u; echo $HOME',
    );
    expect(output).toBe('/home/developer\nhi\n10001\n/home/developer\n');
  });

  it('containers do not reach each other, but do reach this host', async () => {
    const other = await fleet.running();
    const { hostAddress } = await engine.connect();
    const address = (await sh(other, 'developer', 'hostname -i')).output.trim();
    const server = await engine.exec(other.ref, {
      argv: ['socat', 'TCP4-LISTEN:8099,fork', 'SYSTEM:echo hello'],
      user: 'developer',
    });
    await until(
      'the server listens',
      async () => (await sh(other, 'developer', 'socat -u TCP4:127.0.0.1:8099 -')).output === 'hello\n',
    );
    const across = await sh(one, 'developer', `socat -T 2 -u TCP4:${address}:8099,connect-timeout=2 -`);
    expect([across.code === 0, across.output.includes('hello')]).toEqual([false, false]);
    const host = await sh(one, 'developer', `socat -u TCP4:${hostAddress}:9,connect-timeout=5 -`);
    expect(host.output).toContain('Connection refused');
    server.close();
  });
});

describe('bombs', () => {
  it('a fork bomb ends at the limit, and others do not notice', async () => {
    const [bomb, other] = [await fleet.running(), await fleet.running()];
    const handle = await engine.exec(bomb.ref, {
      argv: ['bash', '-c', 'b() { b | b & }; b; sleep 60'],
      user: 'developer',
    });
    handle.stdout.resume();
    handle.stderr.resume();
    const processes = async (): Promise<number> => {
      const top = (await docker.getContainer(bomb.ref).top()) as { Processes: unknown[] };
      return top.Processes.length;
    };
    await until('the bomb has grown', async () => (await processes()) > 90);
    for (let round = 0; round < 3; round++) expect(await processes()).toBeLessThanOrEqual(128);
    expect((await sh(other, 'developer', 'echo fine')).output).toBe('fine\n');
    handle.close();
    await engine.kill(bomb.ref);
    await fleet.exited(bomb.instanceId);
  });

  it('a memory bomb is ended and reported', async () => {
    const one = await fleet.running();
    const stopping = new AbortController();
    const seen: EngineEvent[] = [];
    let connected = false;
    const listening = (async () => {
      for await (const signal of engine.events({ signal: stopping.signal })) {
        if (signal.kind === 'event') seen.push(signal.event);
        else connected = true;
      }
    })();
    await until('events are connected', () => connected);
    const bomb = await sh(one, 'developer', `perl -e 'my @a; push @a, "x" x 1048576 while 1'`);
    expect(bomb.code).toBe(137);
    await until('the engine tells', () =>
      seen.some((event) => event.action === 'oom' && event.instanceId === one.instanceId),
    );
    stopping.abort();
    await listening;
    expect(await fleet.inspect(one.instanceId)).toMatchObject({ phase: 'running' });
  });

  it('an instance whose main process ran out of memory says so', async () => {
    const instanceId = 'bomb';
    const image = (await engine.findImage(probe))?.name;
    const { id } = await docker.createContainer({
      Image: image,
      Labels: { 'flotilla.install': under.installId, 'flotilla.instance': instanceId },
      Entrypoint: ['perl', '-e', 'my @a; push @a, "x" x 1048576 while 1'],
      HostConfig: { Memory: 64 * 2 ** 20, MemorySwap: 64 * 2 ** 20, Init: true },
    });
    await engine.start(id);
    expect(await fleet.exited(instanceId)).toMatchObject({ exitCode: 137, oomKilled: true });
  });
});
