import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { type Duplex, Readable } from 'node:stream';
import tls from 'node:tls';
import { inspect } from 'node:util';
import Docker from 'dockerode';
import { EngineError } from '../../core/instances/engine.errors.js';
import { toEngineError } from './errors.js';
import { SshLink, type SshIdentity } from './ssh-link.js';

export interface ConnectionOptions {
  /** `unix:///path`, `tcp://host:port`, `ssh://user@host[:port][/socket]`. */
  readonly dockerHost: string;
  /** Folder with ca.pem, cert.pem and key.pem. */
  readonly dockerCertPath: string | null;
  readonly ssh?: SshIdentity;
}

/** Longest a connection may take to open. */
const connectMs = 5_000;
/** Longest an ordinary call may take. */
export const callMs = 30_000;

const defaultSocket = '/var/run/docker.sock';

/** The way to one engine: a dockerode client over connections of our own making, and deadlines on what is called through it. */
export class Connection {
  readonly docker: Docker;
  /** The engine shares this machine's kernel and files (as far as the address tells). */
  readonly local: boolean;
  readonly encrypted: boolean;
  private readonly agent: EngineAgent;
  private readonly ssh: SshLink | null = null;

  constructor(options: ConnectionOptions) {
    const url = parseHost(options.dockerHost);
    this.local = url.protocol === 'unix:';
    this.encrypted = url.protocol !== 'tcp:' || options.dockerCertPath !== null;
    if (url.protocol === 'ssh:') {
      this.ssh = sshLink(url, options.ssh ?? {});
      const link = this.ssh;
      this.agent = new EngineAgent(() => link.open());
    } else {
      this.agent = new EngineAgent(socketOpener(url, options.dockerCertPath));
    }
    // Every value the library would otherwise take from the environment is set here.
    const settings = { host: 'engine', port: 80, protocol: 'http' as const, pathPrefix: '/', agent: this.agent };
    this.docker = new Docker({ ...settings, socketPath: undefined, ca: undefined, cert: undefined, key: undefined });
  }

  /** Runs one call with a deadline; whatever it throws becomes an EngineError that says what was being done. */
  async call<T>(doing: string, run: (abortSignal: AbortSignal) => Promise<T>, ms = callMs): Promise<T> {
    const deadline = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    // A race, because not every call of the library can be aborted.
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `The container engine did not answer within ${Math.round(ms / 1000)} s while ${doing}`;
        reject(new EngineError('unreachable', message));
        deadline.abort();
      }, ms);
    });
    try {
      return await Promise.race([run(deadline.signal), late]);
    } catch (error) {
      throw toEngineError(error, doing);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A GET whose answer is a stream without an end of its own: it lasts until `signal` fires or the engine closes it. */
  stream(
    doing: string,
    path: string,
    query: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<Readable> {
    return this.call(doing, (deadline) => {
      const abortSignal = signal ? AbortSignal.any([deadline, signal]) : deadline;
      const options = { path: `${path}?`, method: 'GET', options: { _query: query }, isStream: true, abortSignal };
      return new Promise<Readable>((resolve, reject) => {
        this.docker.modem.dial(
          { ...options, statusCodes: { 200: true, 404: 'not found', 500: 'error' } },
          (error, answer) => {
            if (error) reject(error);
            else if (answer instanceof Readable) resolve(answer);
            else reject(new EngineError('refused', `The container engine gave no stream while ${doing}`));
          },
        );
      });
    });
  }

  close(): void {
    this.agent.destroy();
    this.ssh?.close();
  }
}

/** Lets Node's HTTP client speak over whatever `open` makes: a socket, TLS, or a channel of an SSH connection. */
class EngineAgent extends http.Agent {
  constructor(private readonly open: () => Promise<Duplex>) {
    super({ keepAlive: true, maxFreeSockets: 8 });
  }

  /** docker-modem writes every request's options out for a log that nobody reads: with a whole agent that took 5 ms a call. */
  [inspect.custom](): string {
    return 'EngineAgent';
  }

  override createConnection(_: unknown, done?: (error: Error | null, stream: Duplex) => void): null {
    this.open().then(
      (stream) => done?.(null, stream),
      // On failure Node looks at the error only.
      (error: unknown) => done?.(error as Error, null as never),
    );
    return null;
  }
}

function parseHost(dockerHost: string): URL {
  const url = URL.canParse(dockerHost) ? new URL(dockerHost) : null;
  if (!url || !['unix:', 'tcp:', 'ssh:'].includes(url.protocol)) {
    throw new EngineError('refused', `DOCKER_HOST must start with unix://, tcp:// or ssh://, not '${dockerHost}'`);
  }
  return url;
}

function sshLink(url: URL, identity: SshIdentity): SshLink {
  const socketPath = url.pathname.length > 1 ? url.pathname : defaultSocket;
  const username = decodeURIComponent(url.username) || 'root';
  return new SshLink({ host: url.hostname, port: Number(url.port || 22), username, socketPath }, identity);
}

function socketOpener(url: URL, certPath: string | null): () => Promise<Duplex> {
  if (url.protocol === 'unix:') {
    const file = decodeURIComponent(url.pathname) || defaultSocket;
    return () => opened(net.connect(file), 'connect');
  }
  const target = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || (certPath ? 2376 : 2375)) };
  if (certPath === null) return () => opened(net.connect(target), 'connect');

  const credentials = certificates(certPath);
  const servername = net.isIP(target.host) ? undefined : target.host;
  return () => opened(tls.connect({ ...target, ...credentials, servername }), 'secureConnect');
}

function certificates(folder: string): { ca: Buffer; cert: Buffer; key: Buffer } {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(path.join(folder, name));
    } catch (error) {
      throw new EngineError('refused', `${path.join(folder, name)} could not be read`, { cause: error });
    }
  };
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

function opened(socket: net.Socket, event: 'connect' | 'secureConnect'): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new EngineError('unreachable', `The container engine did not take a connection within ${connectMs} ms`));
    }, connectMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once(event, () => {
      clearTimeout(timer);
      // Notices a vanished peer, which an idle event stream would not.
      socket.setKeepAlive(true, 15_000);
      resolve(socket);
    });
  });
}
