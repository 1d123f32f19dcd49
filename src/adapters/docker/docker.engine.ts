import {
  ContainerEngine,
  type EngineAbilities,
  type EngineInfo,
  type EngineInstance,
  type EngineSignal,
  type ExecHandle,
  type ExecRequest,
  type ImageProgress,
  type InstanceSpec,
  type Limits,
  type Place,
  type StatsSample,
} from '../../core/instances/engine.port.js';
import { EngineError } from '../../core/instances/engine.errors.js';
import { callMs, Connection, type ConnectionOptions } from './connection.js';
import { limitSettings } from './container-config.js';
import { Containers } from './containers.js';
import { isFault, statusOf } from './errors.js';
import { containerEvents } from './events.js';
import { startExec } from './exec.js';
import { Images, type ImageOptions } from './images.js';
import { placePath, sharedVolumeName } from './labels.js';
import { containerLogs } from './logs.js';
import { ensureOwnImage } from './own-images.js';
import { ensureNetwork } from './network.js';
import { sampleContainers } from './stats.js';
import { warningsOf } from './warnings.js';

export interface DockerEngineOptions extends ConnectionOptions, ImageOptions {
  /** Marks everything this installation makes, and keeps it from touching anything else. */
  readonly installId: string;
}

/** How long beyond the grace period the engine may take to end a container. */
const stopExtraMs = 20_000;
const inspectMs = 10_000;

/** Runs instances as hardened containers of a Docker engine: local, by TLS, or by SSH. */
export class DockerEngine extends ContainerEngine {
  readonly kind = 'docker';
  readonly abilities: EngineAbilities = {
    limits: true,
    terminal: true,
    isolation: true,
    sharedFolders: true,
    closedHome: true,
    ownImages: true,
  };

  private readonly engine: Connection;
  private readonly installId: string;
  private readonly containers: Containers;
  private readonly images: Images;
  private readonly closing = new AbortController();
  private network: Promise<string> | null = null;

  constructor(options: DockerEngineOptions) {
    super();
    this.installId = options.installId;
    this.engine = new Connection(options);
    this.containers = new Containers(this.engine, options.installId);
    this.images = new Images(this.engine, options);
  }

  async connect(): Promise<EngineInfo> {
    const info: unknown = await this.engine.call('connecting', () => this.engine.docker.info(), inspectMs);
    const gateway = await this.ensureNetwork();
    const { ServerVersion: version, OperatingSystem: system } = info as Record<string, string | undefined>;
    // There the engine runs in a virtual machine, and its bridge does not lead to this host.
    const hostAddress = system === 'Docker Desktop' ? 'host.docker.internal' : gateway;
    return { version: version ?? 'unknown', hostAddress, warnings: warningsOf(info, this.engine) };
  }

  close(): Promise<void> {
    this.closing.abort();
    this.engine.close();
    return Promise.resolve();
  }

  findImage(runtime: string): Promise<{ readonly name: string; readonly version: string } | null> {
    return this.images.find(runtime);
  }

  prepareImage(runtime: string, progress: (step: ImageProgress) => void, signal?: AbortSignal): Promise<void> {
    return this.images.prepare(runtime, progress, signal);
  }

  override fetchImage(image: string, runtime: string, signal?: AbortSignal): Promise<void> {
    return ensureOwnImage(this.engine, image, runtime, signal);
  }

  async create(spec: InstanceSpec): Promise<EngineInstance> {
    const image = spec.image ?? (await this.images.find(spec.runtime))?.name;
    if (image === undefined)
      throw new EngineError('no_image', `The image of runtime '${spec.runtime}' has not been built yet`);
    await this.ensureNetwork();
    return this.containers.create(spec, image);
  }

  async start(ref: string): Promise<void> {
    await this.containers.prepare(ref);
    const start = () =>
      this.settled('starting a container', callMs, (abortSignal) => this.container(ref).start({ abortSignal }));
    try {
      await start();
    } catch (error) {
      // Clean-ups like `docker network prune` take our network while nothing runs on it.
      if (!isFault(error, 'not_found') || !/\bnetwork\b/.test((error as EngineError).message)) throw error;
      this.network = null;
      await this.ensureNetwork();
      await start();
    }
  }

  async stop(ref: string, graceSeconds: number): Promise<void> {
    const ms = graceSeconds * 1_000 + stopExtraMs;
    await this.settled('stopping a container', ms, (abortSignal) =>
      this.container(ref).stop({ t: graceSeconds, abortSignal }),
    );
  }

  async kill(ref: string): Promise<void> {
    try {
      await this.settled('killing a container', callMs, (abortSignal) => this.container(ref).kill({ abortSignal }));
    } catch (error) {
      // "is not running"
      if (!isFault(error, 'conflict')) throw error;
    }
  }

  remove(instanceId: string, options: { readonly volumes: boolean }): Promise<void> {
    return this.containers.remove(instanceId, options);
  }

  async rename(ref: string, name: string): Promise<void> {
    await this.engine.call('renaming a container', (abortSignal) => this.container(ref).rename({ name, abortSignal }));
  }

  async update(ref: string, limits: Limits): Promise<void> {
    await this.engine.call('changing limits', (abortSignal) =>
      this.container(ref).update({ ...limitSettings(limits), abortSignal }),
    );
  }

  inspect(instanceId: string): Promise<EngineInstance | null> {
    return this.containers.inspect(instanceId);
  }

  list(): Promise<readonly EngineInstance[]> {
    return this.containers.list();
  }

  logs(
    ref: string,
    options: { readonly tail: number; readonly follow?: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<Buffer> {
    const signal = options.signal ? AbortSignal.any([options.signal, this.closing.signal]) : this.closing.signal;
    return containerLogs(this.engine, ref, { ...options, signal });
  }

  exec(ref: string, request: ExecRequest): Promise<ExecHandle> {
    return startExec(this.engine, ref, request);
  }

  pathOf(_ref: string, place: Place): string {
    return placePath[place];
  }

  sharedFolderName(instanceId: string): string {
    return sharedVolumeName(instanceId);
  }

  async sample(refs: readonly string[]): Promise<readonly StatsSample[]> {
    const samples = await sampleContainers(this.engine, refs);
    const owned = await Promise.all(
      [...samples].map(async ([ref, counters]) => ({ instanceId: await this.containers.ownerOf(ref), ...counters })),
    );
    return owned.flatMap((sample) =>
      sample.instanceId === null ? [] : [{ ...sample, instanceId: sample.instanceId }],
    );
  }

  events(options: { readonly since?: string; readonly signal: AbortSignal }): AsyncIterable<EngineSignal> {
    const signal = AbortSignal.any([options.signal, this.closing.signal]);
    return containerEvents(this.engine, this.installId, { ...options, signal });
  }

  listVolumes(): Promise<readonly { readonly instanceId: string; readonly name: string }[]> {
    return this.containers.listVolumes();
  }

  private container(ref: string) {
    return this.engine.docker.getContainer(ref);
  }

  private ensureNetwork(): Promise<string> {
    this.network ??= ensureNetwork(this.engine, this.installId).catch((error: unknown) => {
      this.network = null;
      throw error;
    });
    return this.network;
  }

  /** The engine answers 304, which the library throws, when there is nothing left to do. */
  private async settled(doing: string, ms: number, run: (abortSignal: AbortSignal) => Promise<unknown>): Promise<void> {
    await this.engine.call(
      doing,
      async (abortSignal) => {
        try {
          await run(abortSignal);
        } catch (error) {
          if (statusOf(error) !== 304) throw error;
        }
      },
      ms,
    );
  }
}

/** The engine the configuration names. `installId` is the installation's own id, stored with its data. */
export function createDockerEngine(
  config: ConnectionOptions,
  installId: string,
  options: Partial<DockerEngineOptions> = {},
): DockerEngine {
  const { dockerHost, dockerCertPath } = config;
  return new DockerEngine({ dockerHost, dockerCertPath, ...options, installId });
}
