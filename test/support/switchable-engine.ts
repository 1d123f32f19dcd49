import { LocalEngine } from '../../src/adapters/local/local.engine.js';
import type { Config } from '../../src/config/config.js';
import { EngineError } from '../../src/core/instances/engine.errors.js';
import type { EngineInfo, EngineInstance, EngineSignal, InstanceSpec } from '../../src/core/instances/engine.port.js';
import { scriptedPrograms } from './scripted-adapter.js';

type Holdable = 'start' | 'stop' | 'remove' | 'rename';

/** A call that waits until the test lets it go on. */
export interface Held {
  /** Resolves when the call has come. */
  readonly reached: Promise<void>;
  readonly release: () => void;
}

/** The local engine with a switch: `away`, it answers nothing, and says nothing of what happens. */
export class SwitchableEngine extends LocalEngine {
  away = false;
  /** Awaited before an image counts as there: a build that takes as long as the test likes. */
  building: Promise<void> | null = null;
  /** Awaited before a container starts: one that hangs as long as the test likes. */
  starting: Promise<void> | null = null;
  private cut = new AbortController();
  private readonly gates = new Map<Holdable, () => Promise<void>>();

  constructor(config: Config, installId: string) {
    super({ config, installId, extraRuntimes: scriptedPrograms });
  }

  leave(): void {
    this.away = true;
    this.cut.abort();
  }

  /** The next such call waits at its begin. */
  hold(call: Holdable): Held {
    let come: () => void = () => undefined;
    let release: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (come = resolve));
    const released = new Promise<void>((resolve) => (release = resolve));
    this.gates.set(call, () => {
      this.gates.delete(call);
      come();
      return released;
    });
    return { reached, release };
  }

  comeBack(): void {
    if (!this.away) return;
    this.cut = new AbortController();
    this.away = false;
  }

  override connect(): Promise<EngineInfo> {
    return this.here(() => super.connect());
  }

  override async findImage(runtime: string): ReturnType<LocalEngine['findImage']> {
    return this.building ? null : this.here(() => super.findImage(runtime));
  }

  override async prepareImage(...[runtime, progress, signal]: Parameters<LocalEngine['prepareImage']>): Promise<void> {
    progress({ step: `building ${runtime}` });
    const given = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('given up')), { once: true });
    });
    await Promise.race([this.building, given]);
  }

  override create(spec: InstanceSpec): Promise<EngineInstance> {
    return this.here(() => super.create(spec));
  }

  override async start(ref: string): Promise<void> {
    await this.starting;
    return this.here(() => super.start(ref), 'start');
  }

  override stop(ref: string, graceSeconds: number): Promise<void> {
    return this.here(() => super.stop(ref, graceSeconds), 'stop');
  }

  override remove(...args: Parameters<LocalEngine['remove']>): Promise<void> {
    return this.here(() => super.remove(...args), 'remove');
  }

  override rename(ref: string, name: string): Promise<void> {
    return this.here(() => super.rename(ref, name), 'rename');
  }

  override inspect(instanceId: string): Promise<EngineInstance | null> {
    return this.here(() => super.inspect(instanceId));
  }

  override list(): Promise<readonly EngineInstance[]> {
    return this.here(() => super.list());
  }

  override listVolumes(): ReturnType<LocalEngine['listVolumes']> {
    return this.here(() => super.listVolumes());
  }

  override exec(...args: Parameters<LocalEngine['exec']>): ReturnType<LocalEngine['exec']> {
    return this.here(() => super.exec(...args));
  }

  override async *events(options: Parameters<LocalEngine['events']>[0]): AsyncIterable<EngineSignal> {
    if (this.away) throw silent();
    yield* super.events({ ...options, signal: AbortSignal.any([options.signal, this.cut.signal]) });
  }

  private async here<T>(call: () => Promise<T>, name?: Holdable): Promise<T> {
    if (name) await this.gates.get(name)?.();
    if (this.away) throw silent();
    return call();
  }
}

const silent = (): EngineError => new EngineError('unreachable', 'the engine was switched off by the test');
