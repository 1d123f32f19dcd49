import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { Client, type ClientChannel, type ConnectConfig } from 'ssh2';
import { EngineError } from '../../core/instances/engine.errors.js';
import { messageOf } from './errors.js';
import { lookUpHostKey } from './known-hosts.js';

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** The engine's socket on that host. */
  readonly socketPath: string;
}

/** How to sign in; what is left out comes from `~/.ssh`. */
export interface SshIdentity {
  readonly privateKey?: Buffer | string;
  /** Contents of a known_hosts file. */
  readonly knownHosts?: string;
  /** Socket of an SSH agent. */
  readonly agent?: string;
}

const connectMs = 5_000;

/** One SSH connection to an engine's host, opened on first use and again after it broke; each `open()` is a channel in it. */
export class SshLink {
  private client: Promise<Client> | null = null;

  constructor(
    private readonly target: SshTarget,
    private readonly identity: SshIdentity,
  ) {}

  async open(): Promise<Duplex> {
    const client = await this.connected();
    return new Promise((resolve, reject) => {
      client.openssh_forwardOutStreamLocal(this.target.socketPath, (error, channel) => {
        if (error) {
          const message = `The engine's socket ${this.target.socketPath} could not be reached over SSH: ${error.message}`;
          reject(new EngineError('unreachable', message, { cause: error }));
          return;
        }
        resolve(likeSocket(channel));
      });
    });
  }

  close(): void {
    const client = this.client;
    this.client = null;
    void client?.then(
      (open) => open.end(),
      () => undefined,
    );
  }

  private connected(): Promise<Client> {
    this.client ??= this.connect().catch((error: unknown) => {
      this.client = null;
      throw error;
    });
    return this.client;
  }

  private async connect(): Promise<Client> {
    const { host, port, username } = this.target;
    const knownHosts = this.identity.knownHosts ?? (await readIfThere(path.join(homedir(), '.ssh', 'known_hosts')));
    let refusal: string | null = null;
    const hostVerifier = (key: Buffer): boolean => {
      const verdict = lookUpHostKey(knownHosts?.toString() ?? '', host, port, key);
      if (verdict === 'unknown') refusal = `${host} is not in known_hosts: sign in to it once with ssh`;
      if (verdict === 'other') refusal = `${host} showed another host key than the one in known_hosts`;
      return verdict === 'known';
    };
    const config: ConnectConfig = { host, port, username, hostVerifier, readyTimeout: connectMs };
    // Notices a vanished peer, which an idle event stream would not.
    Object.assign(config, { keepaliveInterval: 10_000, keepaliveCountMax: 3 }, await this.credentials());

    const client = new Client();
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.on('error', (error) => reject(refusal === null ? error : new Error(refusal, { cause: error })));
      client.once('close', () => {
        this.client = null;
        reject(new EngineError('unreachable', `SSH to ${username}@${host}:${port} was closed`));
      });
      // Throws at once when it cannot read the key.
      client.connect(config);
    }).catch((error: unknown) => {
      if (error instanceof EngineError) throw error;
      const message = `SSH to ${username}@${host}:${port} failed: ${messageOf(error)}`;
      throw new EngineError('unreachable', message, { cause: error });
    });
    return client;
  }

  private async credentials(): Promise<Pick<ConnectConfig, 'agent' | 'privateKey'>> {
    const { agent, privateKey } = this.identity;
    if (privateKey !== undefined) return { privateKey };
    if (agent !== undefined) return { agent };
    for (const name of ['id_ed25519', 'id_ecdsa', 'id_rsa']) {
      const key = await readIfThere(path.join(homedir(), '.ssh', name));
      if (key) return { privateKey: key };
    }
    throw new EngineError('unreachable', 'No SSH key was found in ~/.ssh for the ssh:// engine');
  }
}

async function readIfThere(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch {
    return null;
  }
}

/** Node's HTTP client calls a few methods of sockets that an SSH channel lacks. */
function likeSocket(channel: ClientChannel): Duplex {
  const nothing = (): ClientChannel => channel;
  return Object.assign(channel, {
    setKeepAlive: nothing,
    setNoDelay: nothing,
    setTimeout: nothing,
    ref: nothing,
    unref: nothing,
    destroySoon: () => channel.end(),
  });
}
