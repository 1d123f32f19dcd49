import type { InstanceUser, Place } from './engine.port.js';

export interface FileInfo {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly size: number;
  readonly modifiedAt: Date;
  /** Permission bits. */
  readonly mode: number;
}

export type ChannelFault =
  | 'closed' // the channel ended under the call; the next call opens a new one
  | 'timeout'
  | 'not_found'
  | 'not_a_file'
  | 'not_a_directory'
  | 'is_a_directory'
  | 'link_refused' // a symbolic link stood in the path
  | 'outside' // the path leaves its place
  | 'denied'
  | 'read_only' // the home is closed for writing
  | 'disk_full'
  | 'too_large'
  | 'failed';

export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  constructor(
    readonly fault: ChannelFault,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Output went past the limit and the command was ended. */
  readonly cut: boolean;
}

export interface RunRequest {
  readonly argv: readonly string[];
  /** Absolute. Default: the user's home. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Buffer | string;
  /** Default 4 MiB. */
  readonly maxOutputBytes?: number;
  /** Default 30,000. The command is killed when it is over. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** `NONE` reaches nobody and counts only. */
export type ShellSignal =
  'NONE' | 'HUP' | 'INT' | 'QUIT' | 'ABRT' | 'KILL' | 'USR1' | 'USR2' | 'PIPE' | 'ALRM' | 'TERM' | 'CONT' | 'WINCH';

/** A file being followed: bytes from an offset on, as they are appended. */
export interface Following {
  /** Settles when following ended: by `stop()`, or with a ChannelError when the channel broke. */
  readonly ended: Promise<void>;
  stop(): void;
}

/**
 * The resident channel into one running instance, as one user (see docs: exec only, no daemon).
 * Paths are relative to a place; `..` and symbolic links below it are refused.
 */
export interface Channel {
  ping(): Promise<void>;
  /** At most 1 MiB a call; regular files only. */
  read(
    place: Place,
    path: string,
    range?: { readonly offset?: number; readonly length?: number },
  ): Promise<{
    readonly data: Buffer;
    readonly size: number;
    readonly modifiedAt: Date;
    readonly mode: number;
  }>;
  /**
   * Atomic: a temporary file, then a rename. Parents are made. Larger than 1 MiB goes in pieces, still atomic at the end;
   * what comes as a stream is never held whole.
   */
  write(
    place: Place,
    path: string,
    data: Buffer | string | AsyncIterable<Buffer>,
    options?: { readonly mode?: number; readonly sync?: boolean },
  ): Promise<void>;
  list(place: Place, path: string, max?: number): Promise<readonly FileInfo[]>;
  stat(place: Place, path: string): Promise<FileInfo>;
  /** A file, or an empty directory. */
  remove(place: Place, path: string): Promise<void>;
  mkdir(place: Place, path: string, mode?: number): Promise<void>;
  run(request: RunRequest): Promise<RunResult>;
  /** One byte into a FIFO, never blocking. False when nobody reads it. */
  ring(place: Place, path: string): Promise<boolean>;
  /** `onData` may return a promise: nothing more is read before it settles (back-pressure). */
  follow(place: Place, path: string, offset: number, onData: (data: Buffer) => void | Promise<void>): Following;
  /**
   * Signals every process of this user whose environment holds `FLOTILLA_EXEC=<id>`, what those started, and what of all
   * this was seen at an earlier call; returns how many were signalled.
   */
  signal(execId: string, signal: ShellSignal): Promise<number>;
}

/** Opens channels lazily, one per instance and user, and opens a new one when the old one broke. */
export abstract class Channels {
  abstract of(instance: { readonly instanceId: string; readonly ref: string }, user: InstanceUser): Promise<Channel>;
  /** Closes what is open for an instance: call it when the instance stops. */
  abstract close(instanceId: string): void;
  abstract closeAll(): void;
}
