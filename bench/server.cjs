// The built product as a process of its own, with an ear for the benchmarks: questions come over the IPC channel.
// Nothing of the product is changed or configured away; what is added is listed in `answers`.
const path = require('node:path');
const { monitorEventLoopDelay } = require('node:perf_hooks');

const dist = process.env.BENCH_DIST;
const of = (file) => require(path.join(dist, file));

/** The scripted runtime of the tests, without their TypeScript: a compiler in this process would be measured as well. */
const program = path.join(__dirname, '../test/support/scripted-runtime.mjs');
const scriptedPrograms = { scripted: { bin: program } };
const scriptedRuntime = {
  name: 'scripted',
  title: 'Scripted runtime',
  providers: ['openai', 'anthropic', 'google'],
  canAsk: true,
  needsInnerPort: false,
  authMethod: null,
  launch: () => ({ argv: ['node', program], env: {}, files: [] }),
  sessionMeta: () => null,
  modeFor: (approvals) => approvals,
  questions: null,
};

/** An agent that only waits: the real image without any runtime in it. */
const probeRuntime = {
  ...scriptedRuntime,
  name: 'probe',
  title: 'Probe',
  launch: () => ({ argv: ['cat'], env: {}, files: [] }),
};

const engineCalls = {};
/** Where the time of one command goes; null while nobody asks. */
let trace = null;
const traced = (kind, work) => {
  if (!trace) return work();
  const into = (trace[kind] ??= { count: 0, ms: 0 });
  const began = performance.now();
  const result = work();
  into.count += 1;
  Promise.resolve(result)
    .catch(() => undefined)
    .then(() => (into.ms += performance.now() - began));
  return result;
};
const counted = (engine) =>
  new Proxy(engine, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...given) => {
        engineCalls[name] = (engineCalls[name] ?? 0) + 1;
        return traced(`engine.${name}`, () => value.apply(target, given));
      };
    },
  });

let get;
const delay = monitorEventLoopDelay({ resolution: 5 });
const db = () => get(of('platform/database/unit-of-work.js').UnitOfWork);
const now = () => Number(process.hrtime.bigint() / 1000n) / 1000; // ms of the machine's steady clock, the same for all processes
const instanceOf = async (slug) => {
  const [row] = await db().query(
    'select i.id as "instanceId", i.ref from instances i join agents a on a.id = i.agent_id where a.slug = $1',
    [slug],
  );
  return row;
};

const answers = {
  sql: ({ text, values }) => db().query(text, values ?? []),
  usage: () => {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { cpuMs: (user + system) / 1000, rssMB: rss / 2 ** 20, heapMB: (heapUsed + external) / 2 ** 20 };
  },
  collect: () => global.gc(),
  delayFrom: () => {
    delay.enable();
    delay.reset();
  },
  delayTo: () => ({ p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }),
  engineCalls: () => ({ ...engineCalls }),
  /** Counts statements and engine calls from now on, and answers with what was counted before. */
  trace({ on }) {
    const before = trace ?? {};
    trace = on ? {} : null;
    const { prototype } = of('platform/database/embedded-server.js').EmbeddedServer;
    const real = (prototype.untraced ??= prototype.execute);
    prototype.execute = on
      ? function (...given) {
          return traced('statements', () => real.apply(this, given));
        }
      : real;
    return before;
  },
  installId: async () => of('platform/database/install-id.js').installIdOf(db()),
  async user({ username, dialect }) {
    const { UsersService } = of('core/accounts/users.service.js');
    const { ApiKeysService } = of('core/accounts/api-keys.service.js');
    return db().run(async (tx) => {
      const wanted = { username, email: `${username}@example.com`, passwordHash: null, role: 'user' };
      const { id, personalOrgId } = await get(UsersService).create(tx, wanted);
      const holder = { userId: id, orgId: personalOrgId, agentId: null };
      const key = await get(ApiKeysService).issue(tx, holder, { dialect, label: 'bench' });
      return { id, orgId: personalOrgId, token: key.value.reveal() };
    });
  },
  /** The reference of P6b: the same route, with the caller known beforehand. */
  guards({ off }) {
    const authenticator = get(of('core/access/authenticator.port.js').Authenticator);
    delete authenticator.authenticate;
    if (!off) return;
    const real = authenticator.authenticate.bind(authenticator);
    const known = new Map();
    authenticator.authenticate = (credential, dialect) => {
      const key = `${credential.value} ${dialect}`;
      if (!known.has(key)) known.set(key, real(credential, dialect));
      return known.get(key);
    };
  },
  /** No route runs commands yet: what such a route would do, over the resident channel. Milliseconds of each. */
  async exec({ name, argv, count, atOnce }) {
    const { Channels } = of('core/instances/channel.port.js');
    const instance = await instanceOf(name);
    const took = [];
    let left = count;
    const worker = async () => {
      while (left-- > 0) {
        const began = performance.now();
        const channel = await get(Channels).of(instance, 'developer');
        const { exitCode } = await channel.run({ argv });
        if (exitCode !== 0) throw new Error(`exit code ${exitCode}`);
        took.push(performance.now() - began);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return took;
  },
  /** Announces events as any change does. Answers with the moment before the first. */
  async emit({ agentId, orgId, type, data, count }) {
    const at = now();
    await db().run(async (tx) => {
      for (let index = 0; index < count; index += 1) await tx.emit({ type, orgId, agentId, data: { ...data, index } });
    });
    return at;
  },
  newestEvent: () => get(of('core/events/fleet-events.js').FleetEvents).newest(),
  /** One look at the counters of all running instances, `count` times. CPU milliseconds of this process. */
  async sample({ count }) {
    const { ContainerEngine } = of('core/instances/engine.port.js');
    const rows = await db().query("select ref from instances where state = 'running' and ref is not null");
    const before = process.cpuUsage();
    let seen = 0;
    for (let index = 0; index < count; index += 1) {
      seen = (await get(ContainerEngine).sample(rows.map(({ ref }) => ref))).length;
    }
    const { user, system } = process.cpuUsage(before);
    return { cpuMs: (user + system) / 1000, seen };
  },
  /** How old what the statistics route answers is, milliseconds. */
  async statsAges() {
    const live = get(of('core/instances/live-stats.service.js').LiveStats);
    const rows = await db().query("select id from instances where state = 'running'");
    return rows.map(({ id }) => (live.of(id) === null ? null : Date.now() - Date.parse(live.of(id).at)));
  },
  warmChannels: async ({ names }) => {
    const { Channels } = of('core/instances/channel.port.js');
    for (const name of names) {
      const channels = get(Channels);
      const instance = await instanceOf(name);
      for (const user of ['root', 'developer']) await (await channels.of(instance, user)).ping();
    }
  },
};

/** Made when the product has loaded Nest by itself: what is loaded here before would not be measured. */
function benchModule() {
  function BenchModule(ref) {
    get = (token) => ref.get(token, { strict: false });
  }
  Reflect.defineMetadata('design:paramtypes', [require('@nestjs/core').ModuleRef], BenchModule);
  require('@nestjs/common').Module({})(BenchModule);
  return BenchModule;
}

process.on('message', ({ id, name, given }) => {
  Promise.resolve()
    .then(() => answers[name](given ?? {}))
    .then(
      (result) => process.send({ id, result }),
      (error) => process.send({ id, error: error.stack }),
    );
});
process.on('disconnect', () => process.exit(0));

of('main.js').run({
  get modules() {
    return [benchModule()];
  },
  get runtimes() {
    return [scriptedRuntime, probeRuntime, ...of('adapters/runtimes/registry.js').builtInRuntimes];
  },
  engine: (config, installId) => {
    if (config.engine === 'local') {
      const { LocalEngine } = of('adapters/local/local.engine.js');
      return counted(new LocalEngine({ config, installId, extraRuntimes: scriptedPrograms }));
    }
    const { createDockerEngine } = of('adapters/docker/docker.engine.js');
    return counted(createDockerEngine(config, installId, { packages: { probe: '' } }));
  },
});
