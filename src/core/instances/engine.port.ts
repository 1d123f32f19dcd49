import type { Readable, Writable } from 'node:stream';
import { EngineError } from './engine.errors.js';

/** Who a process inside an instance runs as. `root` owns journal and spool; `developer` is the agent's own user. */
export type InstanceUser = 'developer' | 'root';

/** Folders an instance always has. `home` belongs to the agent, `run` (journal, spool) to root alone. */
export type Place = 'home' | 'run';

export interface Limits {
  /** Cores, decimals allowed. */
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly pids: number;
}

/** A folder that several instances see: it belongs to one, lives and dies with it, and each of them writes to it. */
export interface SharedFolder {
  /** Instance id of the one it belongs to. */
  readonly owner: string;
  /** Where it is seen, relative to the home. */
  readonly path: string;
}

/** How the home differs from a plain folder of the agent's own. */
export interface HomeLayout {
  readonly shared: readonly SharedFolder[];
  /** Null: the agent writes everywhere in it. Otherwise to these folders (relative to the home) alone, and to the shared ones. */
  readonly writable: readonly string[] | null;
}

/** A home of the agent's own and nothing else. */
export const plainHome: HomeLayout = { shared: [], writable: null };

/** What a container was made with: changed by making it again (limits also while it runs). */
export interface Made {
  readonly layout: HomeLayout;
  readonly limits: Limits | null;
}

/** Everything an engine needs to make one container. No secret is ever part of it: those go over the channel. */
export interface InstanceSpec {
  readonly instanceId: string;
  /** Name for people; things are found again by instance id. */
  readonly containerName: string;
  readonly agentName: string;
  /** Picks the image (docker) or the installed runtime (local). */
  readonly runtime: string;
  /** An image to use instead of the runtime's; null: none. */
  readonly image: string | null;
  /** Non-secret settings only. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly layout: HomeLayout;
}

export type EnginePhase = 'created' | 'running' | 'paused' | 'exited' | 'dead';

/** What the engine says of one of our containers. */
export interface EngineInstance {
  readonly instanceId: string;
  /** Container id. */
  readonly ref: string;
  readonly name: string;
  readonly phase: EnginePhase;
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /** ISO time of the last start: changes with every (re)start, so it names the boot. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly image: string;
  readonly limits: Limits | null;
  readonly layout: HomeLayout;
}

export interface EngineEvent {
  readonly instanceId: string;
  readonly ref: string;
  readonly action: 'create' | 'start' | 'die' | 'oom' | 'kill' | 'stop' | 'destroy' | 'pause' | 'unpause' | 'rename';
  readonly exitCode: number | null;
  /** Nanoseconds since the epoch as a decimal string: the cursor for `events({ since })`. */
  readonly at: string;
}

/** Sent by `events()`: what happened, or that the stream was (re)opened and a list is due. */
export type EngineSignal = { readonly kind: 'connected' } | { readonly kind: 'event'; readonly event: EngineEvent };

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly user: InstanceUser;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A terminal of this size; without it stdout and stderr come apart. */
  readonly tty?: { readonly cols: number; readonly rows: number };
}

/** A process started inside an instance. Closing it kills nothing: whoever starts one must see that it ends. */
export interface ExecHandle {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Empty with a terminal. */
  readonly stderr: Readable;
  /** Exit code once the process ended and its output was delivered (128+n for a signal); null if the engine cannot say. */
  readonly exited: Promise<number | null>;
  resize(cols: number, rows: number): Promise<void>;
  /** Drops the connection. */
  close(): void;
}

export interface StatsSample {
  readonly instanceId: string;
  /** ISO time of the sample. */
  readonly at: string;
  /** CPU time used since the start, nanoseconds. */
  readonly cpuNanos: bigint;
  /** Without page cache. */
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly onlineCpus: number;
}

export interface EngineInfo {
  readonly version: string;
  /** Address on which processes inside instances reach this host: the bridge's gateway, or loopback. */
  readonly hostAddress: string;
  /** What this engine cannot do, in words for people. */
  readonly warnings: readonly string[];
}

export interface EngineAbilities {
  readonly limits: boolean;
  readonly terminal: boolean;
  readonly isolation: boolean;
  /** Can instances see one folder together? */
  readonly sharedFolders: boolean;
  /** Can a home be closed for writing but for some folders? */
  readonly closedHome: boolean;
  /** Can an instance be made from an image of somebody else's making? */
  readonly ownImages: boolean;
}

export interface ImageProgress {
  /** One sentence: what is being done now. */
  readonly step: string;
}

/**
 * What runs containers. Errors are `EngineError`s (`core/instances/engine.errors.ts`).
 * Every call is bounded in time; calls on one instance may be repeated harmlessly.
 */
export abstract class ContainerEngine {
  abstract readonly kind: 'docker' | 'local';
  abstract readonly abilities: EngineAbilities;

  /** Asks whether the engine answers; makes what all instances share (network, folders) on first use. */
  abstract connect(): Promise<EngineInfo>;
  abstract close(): Promise<void>;

  /** The image's name and version label, or null when it has to be built first. */
  abstract findImage(runtime: string): Promise<{ readonly name: string; readonly version: string } | null>;
  /** Builds (or installs) what a runtime needs; concurrent calls for one runtime share one build. */
  abstract prepareImage(runtime: string, progress: (step: ImageProgress) => void, signal?: AbortSignal): Promise<void>;
  /** Sees that an image is there which somebody built on the image of a runtime; fetches it where it is not. */
  fetchImage(image: string, _runtime: string, _signal?: AbortSignal): Promise<void> {
    return Promise.reject(new EngineError('unsupported', `this engine runs no images, so not ${image} either`));
  }

  /** Makes volumes and container, or answers with the one that already exists for this instance id. Does not start it. */
  abstract create(spec: InstanceSpec): Promise<EngineInstance>;
  /** Running already is success. */
  abstract start(ref: string): Promise<void>;
  /** TERM, and KILL after `graceSeconds`. Stopped already is success. */
  abstract stop(ref: string, graceSeconds: number): Promise<void>;
  /** KILL at once. */
  abstract kill(ref: string): Promise<void>;
  /** Removes the container and, with `volumes`, its volumes. Gone already is success. */
  abstract remove(instanceId: string, options: { readonly volumes: boolean }): Promise<void>;
  abstract rename(ref: string, name: string): Promise<void>;
  /** Applies limits to a running container. */
  abstract update(ref: string, limits: Limits): Promise<void>;
  /** null when there is none. */
  abstract inspect(instanceId: string): Promise<EngineInstance | null>;
  /** All containers of this installation, in one call. */
  abstract list(): Promise<readonly EngineInstance[]>;

  /** Output of the container, stdout and stderr merged. `tail` lines from the end; `follow` goes on until `signal` fires. */
  abstract logs(
    ref: string,
    options: { readonly tail: number; readonly follow?: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<Buffer>;

  abstract exec(ref: string, request: ExecRequest): Promise<ExecHandle>;
  /** Absolute path, as processes inside see it, of one of the instance's places. */
  abstract pathOf(ref: string, place: Place): string;
  /** What the folder that an instance shares is called at the engine, for people. */
  abstract sharedFolderName(instanceId: string): string;
  /** Reads the counters of many running instances at once; leaves out those that are gone. */
  abstract sample(refs: readonly string[]): Promise<readonly StatsSample[]>;

  /**
   * Follows what happens to our containers until `signal` fires, reconnecting by itself with back-off.
   * Yields `connected` after each (re)connection. With `since`, what happened after that cursor comes first where the engine still knows it.
   */
  abstract events(options: { readonly since?: string; readonly signal: AbortSignal }): AsyncIterable<EngineSignal>;

  /** Instance ids that own volumes (or folders), to find what was left behind. */
  abstract listVolumes(): Promise<readonly { readonly instanceId: string; readonly name: string }[]>;
}
