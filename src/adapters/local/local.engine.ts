import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/config.js';
import { EngineError } from '../../core/instances/engine.errors.js';
import {
  ContainerEngine,
  type EngineAbilities,
  type EngineInfo,
  type EngineInstance,
  type EngineSignal,
  type ExecHandle,
  type ExecRequest,
  type HomeLayout,
  type ImageProgress,
  type InstanceSpec,
  type Limits,
  type Place,
  type StatsSample,
} from '../../core/instances/engine.port.js';
import { EventLog } from './event-log.js';
import { fileError, type InstanceState, InstanceStore } from './instance-store.js';
import { startExec } from './local-exec.js';
import { readLog } from './log-file.js';
import { counters, view } from './local-view.js';
import { memberships } from './processes.js';
import { type ExtraRuntimes, RuntimeStore } from './runtime-store.js';
import { Supervisor } from './supervisor.js';
import { canSwitchUsers, warningsOf } from './user-switch.js';

/** How often we look for ends that no child of ours tells, and after how many such looks at every instance. */
const watchMs = 500;
const wholeLook = 20;
const none = { limits: false, isolation: false, sharedFolders: false, closedHome: false, ownImages: false };

export interface LocalEngineOptions {
  readonly config: Pick<Config, 'dataDir'>;
  readonly installId: string;
  /** Runtimes that need no installation, for tests. */
  readonly extraRuntimes?: ExtraRuntimes;
}

/**
 * Instances as ordinary processes of this machine, each with a folder and (as root) a user of its own. It isolates
 * nothing: for machines without a container engine, and for tests with real processes.
 */
export class LocalEngine extends ContainerEngine {
  readonly kind = 'local';
  readonly abilities: EngineAbilities = { ...none, terminal: true };
  private readonly store: InstanceStore;
  private readonly runtimes: RuntimeStore;
  private readonly installId: string;
  private connected: { readonly log: EventLog; readonly supervisor: Supervisor; readonly info: EngineInfo } | null =
    null;
  private ownUsers = false;
  private watching: NodeJS.Timeout | undefined;
  private looks = 0;
  private readonly busy = new Map<string, Promise<unknown>>();

  constructor({ config, installId, extraRuntimes = {} }: LocalEngineOptions) {
    super();
    this.installId = installId;
    this.store = new InstanceStore(join(config.dataDir, 'local'));
    this.runtimes = new RuntimeStore(join(config.dataDir, 'runtimes'), extraRuntimes);
  }

  async connect(): Promise<EngineInfo> {
    if (this.connected) return this.connected.info;
    try {
      mkdirSync(this.store.folder, { recursive: true, mode: 0o711 });
      this.ownUsers = await canSwitchUsers(this.store.folder);
    } catch (error) {
      throw fileError(error);
    }
    const log = new EventLog(join(this.store.folder, 'events.jsonl'));
    const supervisor = new Supervisor(this.installId, this.store, log);
    const info = {
      version: `local, Node ${process.versions.node}`,
      hostAddress: '127.0.0.1',
      warnings: warningsOf(this.ownUsers),
    };
    this.connected ??= { log, supervisor, info };
    this.watching ??= setInterval(() => this.lookAround(), watchMs).unref();
    return this.connected.info;
  }

  close(): Promise<void> {
    clearInterval(this.watching);
    this.watching = undefined;
    this.connected?.supervisor.retire();
    return Promise.resolve();
  }

  findImage(runtime: string): Promise<{ readonly name: string; readonly version: string } | null> {
    return promised(() => this.runtimes.find(runtime));
  }

  prepareImage(runtime: string, progress: (step: ImageProgress) => void, signal?: AbortSignal): Promise<void> {
    return this.runtimes.prepare(runtime, progress, signal);
  }

  create(spec: InstanceSpec): Promise<EngineInstance> {
    return this.alone(spec.instanceId, () => {
      const { log, supervisor } = this.running();
      const known = this.store.find(spec.instanceId);
      if (known) return view(supervisor.settle(known));
      const image = this.runtimes.find(spec.runtime);
      if (!image) throw new EngineError('no_image', `runtime ${spec.runtime} is not installed`);
      this.requireAble(spec.layout);
      this.claimName(spec.instanceId, spec.containerName);
      const state = this.store.create(spec, image.name, this.ownUsers);
      log.add(state, 'create');
      return view(state);
    });
  }

  start(ref: string): Promise<void> {
    return this.change(ref, async (state, { supervisor }) => {
      if (supervisor.isRunning(state)) return;
      await supervisor.start(supervisor.settle(state), this.environment(state));
    });
  }

  stop(ref: string, graceSeconds: number): Promise<void> {
    return this.change(ref, async (state, { supervisor, log }) => {
      if (!supervisor.isRunning(state)) return void supervisor.settle(state);
      await supervisor.stop(state, graceSeconds * 1000);
      log.add(state, 'stop');
    });
  }

  kill(ref: string): Promise<void> {
    return this.change(ref, async (state, { supervisor, log }) => {
      if (!supervisor.isRunning(state)) return void supervisor.settle(state);
      log.add(state, 'kill');
      await supervisor.kill(state);
    });
  }

  remove(instanceId: string, options: { readonly volumes: boolean }): Promise<void> {
    return this.alone(instanceId, async () => {
      const { supervisor, log } = this.running();
      const state = this.store.find(instanceId);
      if (state) await supervisor.kill(state);
      this.store.remove(instanceId, options.volumes);
      if (state) log.add(state, 'destroy');
    });
  }

  rename(ref: string, name: string): Promise<void> {
    return this.change(ref, (state, { log }) => {
      if (state.name === name) return;
      this.claimName(state.instanceId, name);
      this.store.save({ ...state, name });
      log.add(state, 'rename');
    });
  }

  /** Recorded only: without a container nothing enforces them. */
  update(ref: string, limits: Limits): Promise<void> {
    return this.change(ref, (state) => this.store.save({ ...state, limits }));
  }

  inspect(instanceId: string): Promise<EngineInstance | null> {
    return promised(() => {
      const state = this.store.find(instanceId);
      return state && view(this.settled(state));
    });
  }

  list(): Promise<readonly EngineInstance[]> {
    return promised(() => this.store.all().map((state) => view(this.settled(state))));
  }

  logs(
    ref: string,
    options: { readonly tail: number; readonly follow?: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<Buffer> {
    return readLog(this.store.path(this.store.get(ref).instanceId, 'log', 'output.log'), options);
  }

  async exec(ref: string, request: ExecRequest): Promise<ExecHandle> {
    const state = this.store.get(ref);
    if (!this.running().supervisor.isRunning(state)) throw new EngineError('conflict', `${state.name} is not running`);
    const cwd = this.pathOf(ref, request.user === 'root' ? 'run' : 'home');
    return startExec(request, { uid: state.uid, env: this.environment(state), cwd });
  }

  pathOf(ref: string, place: Place): string {
    return this.store.place(ref, place);
  }

  sharedFolderName(instanceId: string): string {
    return this.store.path(instanceId, 'shared');
  }

  sample(refs: readonly string[]): Promise<readonly StatsSample[]> {
    return promised(() => {
      const { supervisor } = this.running();
      const processes = memberships();
      const up = refs.flatMap((ref) => this.store.findRef(ref) ?? []).filter((state) => supervisor.isRunning(state));
      return up.map((state) => counters(state.instanceId, supervisor.members(state, processes)));
    });
  }

  events(options: { readonly since?: string; readonly signal: AbortSignal }): AsyncIterable<EngineSignal> {
    return this.running().log.follow(options.since, options.signal);
  }

  listVolumes(): Promise<readonly { readonly instanceId: string; readonly name: string }[]> {
    return promised(() => this.store.ids().map((instanceId) => ({ instanceId, name: this.store.path(instanceId) })));
  }

  private running() {
    if (!this.connected) throw new EngineError('unreachable', 'the local engine is not connected');
    return this.connected;
  }

  /** An end that nobody noticed is written down; a change under way does that itself. */
  private settled(state: InstanceState): InstanceState {
    return this.busy.has(state.instanceId) || !this.connected ? state : this.connected.supervisor.settle(state);
  }

  private lookAround(): void {
    const { supervisor } = this.running();
    try {
      const whole = this.looks++ % wholeLook === 0;
      const ids = whole ? this.store.ids() : supervisor.ended();
      for (const id of ids) {
        const state = this.store.find(id);
        if (state) supervisor.watch(this.settled(state));
        else supervisor.forget(id);
      }
    } catch {
      return; // a full disk: the next look may succeed
    }
  }

  private async change(
    ref: string,
    work: (state: InstanceState, context: ReturnType<LocalEngine['running']>) => Promise<void> | void,
  ): Promise<void> {
    const { instanceId } = this.store.get(ref);
    return this.alone(instanceId, () => work(this.store.get(ref), this.running()));
  }

  /** One change at a time for each instance. */
  private async alone<T>(instanceId: string, work: () => Promise<T> | T): Promise<T> {
    const before = this.busy.get(instanceId) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.busy.set(instanceId, mine);
    try {
      return await mine;
    } catch (error) {
      throw fileError(error);
    } finally {
      if (this.busy.get(instanceId) === mine) this.busy.delete(instanceId);
    }
  }

  /** Each instance has a user of its own, and nothing can be mounted for a plain process. */
  private requireAble({ shared, writable }: HomeLayout): void {
    const { sharedFolders, closedHome } = this.abilities;
    if ((sharedFolders || shared.length === 0) && (closedHome || writable === null)) return;
    throw new EngineError('unsupported', 'the local engine shares no folders and closes no home');
  }

  private claimName(instanceId: string, name: string): void {
    const taken = this.store.all().some((one) => one.name === name && one.instanceId !== instanceId);
    if (taken) throw new EngineError('conflict', `the name ${name} is taken`);
  }

  /** The whole environment of an instance's processes: nothing of ours is inherited. */
  private environment(state: InstanceState): Record<string, string> {
    return {
      ...state.env,
      PATH: this.runtimes.binFolders(state.runtime).join(':'),
      HOME: this.pathOf(state.ref, 'home'),
      USER: 'developer',
      LOGNAME: 'developer',
      LANG: 'C.UTF-8',
      TMPDIR: this.store.path(state.instanceId, 'tmp'),
      FLOTILLA_INSTANCE: this.running().supervisor.owner(state.instanceId),
    };
  }
}

/** The local engine as the application uses it. */
export function createLocalEngine(config: Config, installId: string): LocalEngine {
  return new LocalEngine({ config, installId });
}

/** The result of plain work, or what it threw, as a promise. */
function promised<T>(work: () => T): Promise<T> {
  return Promise.resolve().then(work);
}
