import type Docker from 'dockerode';
import { crashPoint } from '../../core/crash-point.js';
import { EngineError } from '../../core/instances/engine.errors.js';
import type { EngineInstance, InstanceSpec } from '../../core/instances/engine.port.js';
import type { Connection } from './connection.js';
import { isFault } from './errors.js';
import { createOptions, toInstance } from './container-config.js';
import { isPlain } from './home-layout.js';
import { HomePreparation, Prepared } from './home-preparation.js';
import { label, labelled } from './labels.js';
import { untilFree, Volumes } from './volumes.js';

/** Inspects at once during a list. */
const inspectsAtOnce = 16;
const retryMs = 100;
/** How long a name may be taken before the container that takes it can be seen. */
const reservedMs = 5_000;

/** Makes, finds and removes the containers of one installation, with their volumes. */
export class Containers {
  private readonly creating = new Map<string, Promise<EngineInstance>>();
  /** Container id -> instance id. */
  private readonly owners = new Map<string, string>();
  /** Containers whose home is a plain folder. */
  private readonly plain = new Set<string>();
  /** Instance id -> container id. */
  private readonly refs = new Map<string, string>();
  private readonly volumes: Volumes;
  private readonly preparation: HomePreparation;
  private readonly prepared = new Prepared();

  constructor(
    private readonly engine: Connection,
    private readonly installId: string,
  ) {
    this.volumes = new Volumes(engine, installId);
    this.preparation = new HomePreparation(engine, installId);
  }

  /** Makes volumes and container, or answers with what is there. Concurrent calls for one instance share the work. */
  create(spec: InstanceSpec, image: string): Promise<EngineInstance> {
    const running = this.creating.get(spec.instanceId);
    if (running) return running;
    const made = this.make(spec, image).finally(() => this.creating.delete(spec.instanceId));
    this.creating.set(spec.instanceId, made);
    return made;
  }

  /** Before each start: in a home that is more than a plain folder, what is mounted upon must be what it seems. */
  async prepare(ref: string): Promise<void> {
    if (this.plain.has(ref) || this.prepared.take(ref)) return;
    const found = await this.inspectRef(ref);
    if (found && found.phase !== 'running' && found.phase !== 'paused') await this.preparation.run(found, found.image);
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
      this.plain.delete(found.Id);
      crashPoint('delete.container');
    }
    if (!options.volumes) return;
    await this.preparation.clear(instanceId);
    await this.volumes.removeAll(instanceId);
  }

  listVolumes(): Promise<readonly { readonly instanceId: string; readonly name: string }[]> {
    return this.volumes.list();
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

    const volumes = await this.volumes.make(spec);
    crashPoint('create.volumes');
    try {
      await this.preparation.run(spec, image);
      const homeFolder = spec.layout.writable === null ? null : await this.volumes.folderOf('home', spec.instanceId);
      const created = await this.engine.call(`creating container ${spec.containerName}`, (abortSignal) =>
        this.engine.docker.createContainer({
          ...createOptions(spec, { image, installId: this.installId, homeFolder }),
          abortSignal,
        }),
      );
      const instance = await this.inspectRef(created.id);
      if (instance) this.prepared.add(instance);
      if (instance) return instance;
      throw new EngineError('not_found', `Container ${spec.containerName} vanished right after it was created`);
    } catch (error) {
      const made = isFault(error, 'conflict') ? await this.holderOf(spec) : null;
      if (made) return made;
      if (!isFault(error, 'unreachable')) await this.volumes.rollBack(volumes);
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
      if (isPlain(instance.layout)) this.plain.add(instance.ref);
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
