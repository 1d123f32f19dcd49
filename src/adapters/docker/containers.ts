import type Docker from 'dockerode';
import { crashPoint } from '../../core/crash-point.js';
import { EngineError } from '../../core/instances/engine.errors.js';
import type { EngineInstance, EnginePhase, InstanceSpec, Limits, Place } from '../../core/instances/engine.port.js';
import type { Connection } from './connection.js';
import { isFault } from './errors.js';
import { label, labelled, networkName, placePath, volumeName } from './labels.js';

const places: readonly Place[] = ['home', 'run'];
/** Inspects at once during a list. */
const inspectsAtOnce = 16;
/** How long a removal that is already under way is waited for. */
const removalMs = 20_000;
const retryMs = 100;
/** How long a name may be taken before the container that takes it can be seen. */
const reservedMs = 5_000;

/** Makes, finds and removes the containers of one installation, with their volumes. */
export class Containers {
  private readonly creating = new Map<string, Promise<EngineInstance>>();
  /** Container id -> instance id. */
  private readonly owners = new Map<string, string>();
  /** Instance id -> container id. */
  private readonly refs = new Map<string, string>();

  constructor(
    private readonly engine: Connection,
    private readonly installId: string,
  ) {}

  /** Makes volumes and container, or answers with what is there. Concurrent calls for one instance share the work. */
  create(spec: InstanceSpec, image: string): Promise<EngineInstance> {
    const running = this.creating.get(spec.instanceId);
    if (running) return running;
    const made = this.make(spec, image).finally(() => this.creating.delete(spec.instanceId));
    this.creating.set(spec.instanceId, made);
    return made;
  }

  async inspect(instanceId: string): Promise<EngineInstance | null> {
    // The container known last, if it is still there: listing costs the engine a look at every container it has.
    const known = this.refs.get(instanceId);
    const seen = known === undefined ? null : await this.inspectRef(known);
    if (seen) return seen;
    for (const found of await this.find(instanceId)) {
      const instance = await this.inspectRef(found.Id);
      if (instance) return instance;
    }
    return null;
  }

  /** One list, then an inspect each: only that tells start time, exit code and OOM. About 2 ms a container on a local engine. */
  async list(): Promise<readonly EngineInstance[]> {
    const found = await this.find();
    const instances = await inBatches(found, inspectsAtOnce, (one) => this.inspectRef(one.Id));
    return instances.filter((instance) => instance !== null);
  }

  async remove(instanceId: string, options: { readonly volumes: boolean }): Promise<void> {
    for (const found of await this.find(instanceId)) {
      await this.removeContainer(found.Id);
      this.owners.delete(found.Id);
      crashPoint('delete.container');
    }
    if (!options.volumes) return;
    // By label, not by name: what another installation called the same stays.
    for (const volume of await this.listVolumes(instanceId)) await this.removeVolume(volume.name);
  }

  async listVolumes(of?: string): Promise<readonly { readonly instanceId: string; readonly name: string }[]> {
    const filters = JSON.stringify({ label: labelled(this.installId, of) });
    const { Volumes } = await this.engine.call('listing volumes', (abortSignal) =>
      this.engine.docker.listVolumes({ filters, abortSignal }),
    );
    return Volumes.flatMap(({ Name, Labels }) => {
      const instanceId = (Labels as Record<string, string> | null)?.[label.instance];
      return instanceId === undefined ? [] : [{ instanceId, name: Name }];
    });
  }

  /** Which instance a container belongs to; null when it is gone or not ours. */
  async ownerOf(ref: string): Promise<string | null> {
    return this.owners.get(ref) ?? (await this.inspectRef(ref))?.instanceId ?? null;
  }

  private async make(spec: InstanceSpec, image: string): Promise<EngineInstance> {
    const existing = await this.inspect(spec.instanceId);
    if (existing && existing.phase !== 'dead') return existing;
    // A removal is under way, or failed half-way: of no use to anybody.
    if (existing) await this.removeContainer(existing.ref);

    const volumes = await this.makeVolumes(spec);
    crashPoint('create.volumes');
    try {
      const created = await this.engine.call(`creating container ${spec.containerName}`, (abortSignal) =>
        this.engine.docker.createContainer({ ...createOptions(spec, image, this.installId), abortSignal }),
      );
      const instance = await this.inspectRef(created.id);
      if (instance) return instance;
      throw new EngineError('not_found', `Container ${spec.containerName} vanished right after it was created`);
    } catch (error) {
      const made = isFault(error, 'conflict') ? await this.holderOf(spec) : null;
      if (made) return made;
      if (!isFault(error, 'unreachable')) await this.rollBack(volumes);
      throw error;
    }
  }

  /**
   * Somebody has the container's name. Answers with the container when it is the one we wanted (made by another process of
   * ours), null when it is foreign. The engine reserves a name some time before it shows the container.
   */
  private async holderOf(spec: InstanceSpec): Promise<EngineInstance | null> {
    const deadline = Date.now() + reservedMs;
    while (Date.now() < deadline) {
      const info = await this.look(spec.containerName);
      if (info) return info.Config.Labels[label.install] === this.installId ? this.inspect(spec.instanceId) : null;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
    return null;
  }

  /** Makes the volumes that are missing and answers with their names. */
  private async makeVolumes(spec: InstanceSpec): Promise<readonly string[]> {
    const present = new Set((await this.listVolumes(spec.instanceId)).map((volume) => volume.name));
    const made: string[] = [];
    for (const place of places) {
      const Name = volumeName(place, spec.instanceId);
      if (present.has(Name)) continue;
      const Labels = labelsOf(spec, this.installId);
      try {
        await this.engine.call('creating a volume', (abortSignal) =>
          this.engine.docker.createVolume({ Name, Labels, abortSignal }),
        );
      } catch (error) {
        await this.rollBack(made);
        throw error;
      }
      made.push(Name);
    }
    return made;
  }

  private async rollBack(volumes: readonly string[]): Promise<void> {
    // The error that led here matters more than one of the clean-up; `listVolumes` finds what stays behind.
    for (const name of volumes) await this.removeVolume(name).catch(() => undefined);
  }

  private find(instanceId?: string): Promise<Docker.ContainerInfo[]> {
    const filters = { label: labelled(this.installId, instanceId) };
    return this.engine.call('listing containers', (abortSignal) =>
      this.engine.docker.listContainers({ all: true, filters, abortSignal }),
    );
  }

  private async inspectRef(ref: string): Promise<EngineInstance | null> {
    const info = await this.look(ref);
    const instance = info && toInstance(info);
    if (instance) {
      this.owners.set(instance.ref, instance.instanceId);
      this.refs.set(instance.instanceId, instance.ref);
    }
    return instance;
  }

  /** What the engine knows of a container, by id or name; null when there is none. */
  private async look(idOrName: string): Promise<Docker.ContainerInspectInfo | null> {
    try {
      return await this.engine.call('inspecting a container', (abortSignal) =>
        this.engine.docker.getContainer(idOrName).inspect({ abortSignal }),
      );
    } catch (error) {
      if (isFault(error, 'not_found')) return null;
      throw error;
    }
  }

  private removeContainer(ref: string): Promise<void> {
    return untilFree(async () => {
      await this.engine.call('removing a container', (abortSignal) =>
        this.engine.docker.getContainer(ref).remove({ force: true, v: true, abortSignal }),
      );
    });
  }

  private removeVolume(name: string): Promise<void> {
    return untilFree(async () => {
      await this.engine.call('removing a volume', (abortSignal) =>
        this.engine.docker.getVolume(name).remove({ abortSignal }),
      );
    });
  }
}

/** Repeats a removal while the engine says that somebody still holds the thing; gone already is success. */
async function untilFree(remove: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + removalMs;
  for (;;) {
    try {
      await remove();
      return;
    } catch (error) {
      if (isFault(error, 'not_found')) return;
      if (!isFault(error, 'conflict') || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

async function inBatches<T, R>(items: readonly T[], atOnce: number, run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}

function labelsOf(spec: InstanceSpec, installId: string): Record<string, string> {
  return { [label.install]: installId, [label.instance]: spec.instanceId, [label.agent]: spec.agentName };
}

function createOptions(spec: InstanceSpec, image: string, installId: string): Docker.ContainerCreateOptions {
  return {
    name: spec.containerName,
    Image: image,
    Labels: labelsOf(spec, installId),
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    // The entry script is root and drops to `developer`; it needs these two capabilities for that and has no other.
    User: 'root',
    Tty: false,
    HostConfig: {
      ...limitSettings(spec.limits),
      Mounts: places.map((place) => ({
        Type: 'volume' as const,
        Source: volumeName(place, spec.instanceId),
        Target: placePath[place],
      })),
      // Runtimes unpack native libraries into /tmp and load them from there.
      Tmpfs: { '/tmp': 'rw,exec,nosuid,nodev,size=1g,mode=1777' },
      CapDrop: ['ALL'],
      CapAdd: ['SETUID', 'SETGID'],
      SecurityOpt: ['no-new-privileges:true'],
      Privileged: false,
      IpcMode: 'private',
      NetworkMode: networkName(installId),
      Init: true,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
    },
  };
}

/** The same memory for both: no swap. */
export function limitSettings(
  limits: Limits,
): Pick<Docker.HostConfig, 'Memory' | 'MemorySwap' | 'NanoCpus' | 'PidsLimit'> {
  return {
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    NanoCpus: Math.round(limits.cpus * 1e9),
    PidsLimit: limits.pids,
  };
}

/** null for a container that is not one of ours. */
export function toInstance(info: Docker.ContainerInspectInfo): EngineInstance | null {
  const instanceId = info.Config.Labels[label.instance];
  if (instanceId === undefined) return null;
  const state = info.State;
  const phase = phaseOf(state.Status);
  const exitCode = phase === 'exited' || phase === 'dead' ? state.ExitCode : null;
  const { Memory, NanoCpus, PidsLimit } = info.HostConfig;
  return {
    instanceId,
    ref: info.Id,
    name: info.Name.replace(/^\//, ''),
    phase,
    exitCode,
    // The engine's mark stays after any process of the container ran out of memory; only with KILL it was the main one.
    oomKilled: state.OOMKilled && exitCode === 137,
    startedAt: timeOf(state.StartedAt),
    finishedAt: timeOf(state.FinishedAt),
    image: info.Config.Image,
    limits: Memory && NanoCpus && PidsLimit ? { memoryBytes: Memory, cpus: NanoCpus / 1e9, pids: PidsLimit } : null,
  };
}

function phaseOf(status: string): EnginePhase {
  if (status === 'created' || status === 'running' || status === 'paused' || status === 'exited') return status;
  // `restarting` cannot last with the policy `no`; `removing` and `dead` are of no use any more.
  return status === 'restarting' ? 'running' : 'dead';
}

/** The engine writes year 1 for never. */
function timeOf(text: string): string | null {
  return text.startsWith('0001-') ? null : text;
}
