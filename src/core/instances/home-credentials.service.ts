import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { type Bundle, openBundle, sealBundle } from '../credentials/bundle.codec.js';
import {
  countVariables,
  type CredentialFiles,
  mostBytes,
  mostFiles,
  requireAllowed,
} from '../credentials/credential-files.js';
import { bundlePath, envPath, mcpPath, pathProblem } from '../credentials/credential-path.rules.js';
import type { Secret } from '../credentials/secret.js';
import { type DomainError, Invalid, Unavailable } from '../errors/domain-error.js';
import { fromOutside } from '../errors/outside.js';
import { ChannelError, Channels, type Channel } from './channel.port.js';
import { CredentialWriter } from './credential-writer.js';
import { EngineError } from './engine.errors.js';
import { findCredentials } from './find-credentials.js';

/** A running container. */
export interface RunningPlace {
  readonly instanceId: string;
  readonly ref: string;
}

export interface FoundFile {
  readonly size: number;
  readonly modifiedAt: Date;
}

export interface CredentialsStatus {
  /** By path; null where there is none. */
  readonly files: ReadonlyMap<string, FoundFile | null>;
  readonly variables: number;
}

export interface Restored {
  readonly files: readonly string[];
  /** In the restored `.env`. */
  readonly variables: number;
}

const shown = [envPath, mcpPath, `${mcpPath}.template`, bundlePath];
const pieceBytes = 2 ** 20;
/** The largest bundle of the files we accept: base64 twice, and some words around it. */
const largestBundle = 2 * mostBytes;

/** Credential files in the home of a running agent, handled as the agent's own user. Who may do so is asked before. */
@Injectable()
export class HomeCredentials {
  /** One change at a time in each home. */
  private readonly queue = new Map<string, Promise<unknown>>();

  constructor(
    private readonly channels: Channels,
    private readonly config: Config,
  ) {}

  /** Throws `Invalid` where bundles are switched off. */
  get key(): Secret {
    if (this.config.credentialKey) return this.config.credentialKey;
    throw new Invalid(
      'Credential bundles are switched off: CREDENTIAL_ENCRYPTION_KEY is none',
      [],
      'encryption_not_configured',
    );
  }

  get hasKey(): boolean {
    return this.config.credentialKey !== null;
  }

  status(place: RunningPlace): Promise<CredentialsStatus> {
    return this.reached(place, async (channel) => {
      const files = new Map<string, FoundFile | null>();
      for (const path of shown) files.set(path, await fileAt(channel, path));
      const env = files.get(envPath) ? await textAt(channel, envPath) : '';
      return { files, variables: countVariables(env) };
    });
  }

  /** All of them, or as they were before. Throws `Invalid` for what stands in the way. */
  write(place: RunningPlace, files: CredentialFiles): Promise<void> {
    return this.alone(place, (channel) => new CredentialWriter(channel).write(files));
  }

  /** Seals what is there into the bundle file, and answers with both. */
  export(place: RunningPlace): Promise<{ readonly bundle: Bundle; readonly paths: readonly string[] }> {
    const { key } = this;
    return this.alone(place, async (channel) => {
      const files = await this.collect(channel);
      if (files.size === 0) throw new Invalid('There are no credentials to export', [], 'nothing_to_export');
      const bundle = sealBundle(files, key);
      await new CredentialWriter(channel).write(new Map([[bundlePath, Buffer.from(JSON.stringify(bundle))]]));
      return { bundle, paths: [...files.keys()] };
    });
  }

  /** Writes what a bundle holds: the one given, or the bundle file. */
  restore(place: RunningPlace, given?: unknown): Promise<Restored> {
    const { key } = this;
    return this.alone(place, async (channel) => {
      const bundle = given ?? (await this.bundleText(channel));
      if (bundle === null) {
        throw new Invalid(
          `There is no ${bundlePath} in the home: export first, or send a bundle`,
          [],
          'no_credentials_file',
        );
      }
      const files = openBundle(bundle, key);
      requireAllowed(files);
      if (files.has(bundlePath)) throw new Invalid('A bundle may not hold a bundle', [], 'bundle_refused');
      await new CredentialWriter(channel).write(files);
      return { files: [...files.keys()], variables: countVariables(files.get(envPath)?.toString('utf8') ?? '') };
    });
  }

  /** Is there a bundle file? */
  hasBundle(place: RunningPlace): Promise<boolean> {
    return this.reached(place, async (channel) => (await fileAt(channel, bundlePath)) !== null);
  }

  private async collect(channel: Channel): Promise<CredentialFiles> {
    const files = new Map<string, Buffer>();
    let bytes = 0;
    for (const path of await findCredentials(channel)) {
      if (path === bundlePath || pathProblem(path) !== null) continue;
      const content = await contentAt(channel, path, mostBytes).catch(passOver);
      if (content === null) continue;
      bytes += content.length;
      files.set(path, content);
      if (files.size <= mostFiles && bytes <= mostBytes) continue;
      const most = `${mostFiles} files with ${mostBytes / 2 ** 20} MiB`;
      throw new Invalid(
        `The home holds more credential files than the ${most} a bundle takes: move some away first`,
        [],
        'too_many_credentials',
      );
    }
    return files;
  }

  private async bundleText(channel: Channel): Promise<string | null> {
    try {
      return (await contentAt(channel, bundlePath, largestBundle)).toString('utf8');
    } catch (error) {
      if (error instanceof ChannelError && error.fault === 'not_found') return null;
      throw error;
    }
  }

  private alone<T>(place: RunningPlace, work: (channel: Channel) => Promise<T>): Promise<T> {
    const before = this.queue.get(place.instanceId) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(() => this.reached(place, work));
    this.queue.set(place.instanceId, mine);
    const forget = (): void => {
      if (this.queue.get(place.instanceId) === mine) this.queue.delete(place.instanceId);
    };
    mine.then(forget, forget);
    return mine;
  }

  private async reached<T>(place: RunningPlace, work: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      return await work(await this.channels.of(place, 'developer'));
    } catch (error) {
      throw worded(error);
    }
  }
}

function worded(error: unknown): unknown {
  const away = error instanceof EngineError || (error instanceof ChannelError && unreached.has(error.fault));
  if (away) {
    const reason = error instanceof EngineError ? 'its container takes no commands' : error.message;
    return new Unavailable(`Failed to connect to agent: ${reason}`, 'agent_unreachable', 2, { cause: error });
  }
  if (!(error instanceof ChannelError)) return error;
  return inTheWay[error.fault]?.() ?? fromOutside(error) ?? error;
}

const unreached: ReadonlySet<string> = new Set(['closed', 'timeout']);
const stands = (message: string): DomainError => new Invalid(message, [], 'credentials_refused');
const inTheWay: Readonly<Record<string, () => DomainError>> = {
  link_refused: () => stands('A symbolic link stands on the way to a path: remove it first'),
  not_a_directory: () => stands('A file stands where a folder of a path should be'),
  is_a_directory: () => stands('A folder stands where a file should be'),
  not_a_file: () => stands(`${bundlePath} is no regular file`),
  too_large: () => stands(`${bundlePath} is too large to be a bundle`),
};

/** A regular file, not a link to one. */
async function fileAt(channel: Channel, path: string): Promise<FoundFile | null> {
  const found = await channel.stat('home', path).catch((error: unknown) => {
    if (error instanceof ChannelError && error.fault === 'not_found') return null;
    throw error;
  });
  return found?.kind === 'file' ? { size: found.size, modifiedAt: found.modifiedAt } : null;
}

async function textAt(channel: Channel, path: string): Promise<string> {
  const content = await contentAt(channel, path, pieceBytes).catch(passOver);
  return content?.toString('utf8') ?? '';
}

/** A whole regular file. Throws `ChannelError` when it is larger than `most`. */
async function contentAt(channel: Channel, path: string, most: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const { data, size } = await channel.read('home', path, { offset: at, length: pieceBytes });
    if (size > most || at + data.length > most) throw new ChannelError('too_large', 'the file is too large');
    pieces.push(data);
    at += data.length;
    if (data.length === 0 || at >= size) return Buffer.concat(pieces);
  }
}

/** A file that went away meanwhile, or that cannot be read by the agent itself, is no file of its. */
function passOver(error: unknown): null {
  if (error instanceof ChannelError && !unreached.has(error.fault) && error.fault !== 'too_large') return null;
  throw error;
}
