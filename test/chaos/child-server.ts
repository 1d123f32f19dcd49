import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { EngineInstance } from '../../src/core/instances/engine.port.js';
import { SocketClient } from '../support/socket-client.js';
import { TrinityClient } from '../support/trinity-client.js';
import { until } from '../support/until.js';

export const password = 'correct-horse-battery';
const root = join(__dirname, '../..');

/** A whole server as a child process, to be killed and started again on the same folder. */
export class ChildServer {
  private child: ChildProcess | null = null;
  private signedIn: TrinityClient | null = null;
  /** Everything it printed, over all its lives. */
  output = '';

  private constructor(
    readonly dataDir: string,
    readonly port: number,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  /** Not started yet. Local engine and scripted runtime unless `env` says otherwise. */
  static async on(dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<ChildServer> {
    return new ChildServer(dataDir, await freePort(), env);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get running(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  /** The administrator, signed in. */
  get admin(): TrinityClient {
    if (!this.signedIn) throw new Error('the server is not started');
    return this.signedIn;
  }

  /** Spawns it and does not wait. */
  spawn(): ChildProcess {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      FLOTILLA_ENGINE: 'local',
      FLOTILLA_DEFAULT_RUNTIME: 'scripted',
      FLOTILLA_ADMIN_PASSWORD: password,
      FLOTILLA_DATA_DIR: this.dataDir,
      FLOTILLA_PORT: String(this.port),
      FLOTILLA_SSH_PORT: 'off',
      FLOTILLA_LOG_LEVEL: 'info',
      OPENAI_API_KEY: 'sk-never-called',
      ...this.env,
    };
    const wanted = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
    const argv = ['-r', join(root, 'test/support/register.cjs'), join(root, 'test/chaos/server.ts')];
    const child = spawn(process.execPath, argv, { env: wanted, stdio: ['ignore', 'pipe', 'pipe'], cwd: root });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => (this.output += data.toString('utf8')));
    }
    this.child = child;
    return child;
  }

  /** Resolves when it answers. @returns milliseconds it took */
  async start(): Promise<number> {
    const began = Date.now();
    this.spawn();
    await until(
      'the server answers',
      async () => {
        if (!this.running) throw new Error(`the server ended:\n${this.output.slice(-4000)}`);
        return fetch(`${this.url}/health`).then(
          (answer) => answer.ok,
          () => false,
        );
      },
      180_000,
    );
    this.signedIn = await new TrinityClient(this.url).signIn('admin', password);
    return Date.now() - began;
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** For signals that do not end it: SIGSTOP, SIGCONT. */
  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  /** SIGTERM. @returns exit code and milliseconds it took */
  async stop(): Promise<{ readonly code: number | null; readonly ms: number }> {
    const began = Date.now();
    const code = await this.end('SIGTERM');
    return { code, ms: Date.now() - began };
  }

  /** Removes its agents and ends it, in whatever state it is. */
  async clear(): Promise<void> {
    if (!this.running) await this.start();
    const { body } = await this.admin.get<{ name: string }[]>('/api/agents');
    for (const { name } of body) await this.admin.delete(`/api/agents/${name}`);
    await this.stop();
  }

  /** Rows of a query, read by the server itself. */
  sql<R = Record<string, unknown>>(text: string): Promise<R[]> {
    return this.probe('/sql', text) as Promise<R[]>;
  }

  /** Runs a statement and dies in the same breath: nothing of the server acts on what it changed. */
  async lastWords(text: string): Promise<void> {
    const { child } = this;
    const over = child && once(child, 'exit');
    await this.probe('/last-words', text).catch(() => undefined);
    await over;
  }

  engine(): Promise<{ instances: EngineInstance[]; volumes: { instanceId: string; name: string }[] }> {
    return this.probe('/engine', '') as ReturnType<ChildServer['engine']>;
  }

  /** How late its event loop was since the last question. */
  delays(): Promise<{ p99Ms: number }> {
    return this.probe('/delays', '') as ReturnType<ChildServer['delays']>;
  }

  /** An open `/ws` of the administrator. */
  async events(lastEventId?: string): Promise<SocketClient> {
    const after = lastEventId === undefined ? '' : `&last-event-id=${lastEventId}`;
    const socket = SocketClient.to(`${this.url}/ws?token=${this.admin.token ?? ''}${after}`);
    socket.socket.once('open', () => socket.send({ type: 'ping' }));
    await socket.event((event) => event['type'] === 'pong', 20_000);
    return socket;
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (!child || !this.running) return child?.exitCode ?? null;
    const over = once(child, 'exit');
    child.kill(signal);
    const [code] = (await over) as [number | null];
    return code;
  }

  private probe(path: string, body: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: join(this.dataDir, 'probe.sock'), path, method: 'POST' }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          if (answer.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(text));
        });
      });
      call.on('error', reject);
      call.end(body);
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
