import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchDialect, Body, Call, ManagingDialect } from '../dialects/dialect.js';
import { forgetDataDir } from './local-agents.js';
import { until } from './numbers.js';

export const password = 'correct-horse-battery';

export interface ProductOptions {
  /** Folder of the build. */
  readonly dist: string;
  readonly engine: 'local' | 'docker';
  /** null: the embedded database. */
  readonly databaseUrl: string | null;
  /** Of an earlier life; default: a new one. */
  readonly dataDir?: string;
  /** Writes a CPU profile into this folder when the process ends. */
  readonly profileTo?: string | null;
}

export interface Usage {
  readonly cpuMs: number;
  readonly rssMB: number;
  readonly heapMB: number;
}

export interface Answer {
  readonly status: number;
  readonly body: Body;
}

/** The built product as a child process, and what a benchmark asks it over HTTP or over the side channel. */
export class Product {
  private readonly asked = new Map<number, { done: (value: unknown) => void; failed: (error: Error) => void }>();
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  private lastId = 0;
  private output = '';
  /** Milliseconds from spawn to the first answer of the readiness route. */
  startedInMs = 0;

  private constructor(
    readonly child: ChildProcess,
    readonly dataDir: string,
    readonly port: number,
    readonly sshPort: number,
    private readonly keep: boolean,
  ) {
    child.stdout?.on('data', (data: Buffer) => (this.output = (this.output + data.toString()).slice(-20_000)));
    child.stderr?.on('data', (data: Buffer) => (this.output = (this.output + data.toString()).slice(-20_000)));
    child.on('message', (message: { id: number; result?: unknown; error?: string }) => {
      const call = this.asked.get(message.id);
      this.asked.delete(message.id);
      if (message.error === undefined) call?.done(message.result);
      else call?.failed(new Error(message.error));
    });
    child.once('exit', (code) => {
      const error = new Error(`the product ended with ${code}:\n${this.output.slice(-3000)}`);
      for (const call of this.asked.values()) call.failed(error);
    });
  }

  static async start(options: ProductOptions): Promise<Product> {
    const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'flotilla-bench-'));
    const [port, sshPort] = await freePorts();
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      BENCH_DIST: options.dist,
      FLOTILLA_ENGINE: options.engine,
      FLOTILLA_DATA_DIR: dataDir,
      FLOTILLA_PORT: String(port),
      FLOTILLA_SSH_PORT: String(sshPort),
      FLOTILLA_ADMIN_PASSWORD: password,
      FLOTILLA_DEFAULT_RUNTIME: options.engine === 'local' ? 'scripted' : 'probe',
      OPENAI_API_KEY: 'sk-never-called',
      // Counted as ever, and never reached.
      HOSTEDAGENTS_RATE_LIMIT: '1000000',
      ...(options.databaseUrl === null ? {} : { DATABASE_URL: options.databaseUrl }),
    };
    const began = performance.now();
    const child = fork(join(__dirname, '../server.cjs'), [], {
      env,
      execArgv: ['--expose-gc', ...(options.profileTo ? ['--cpu-prof', `--cpu-prof-dir=${options.profileTo}`] : [])],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const product = new Product(child, dataDir, port, sshPort, options.dataDir !== undefined);
    try {
      await product.ready();
    } catch (error) {
      await product.end('SIGKILL');
      throw error;
    }
    product.startedInMs = performance.now() - began;
    return product;
  }

  private async ready(): Promise<void> {
    const look = async (): Promise<boolean> => {
      if (this.child.exitCode !== null) throw new Error(`the product ended:\n${this.output}`);
      const answer = await this.call({ method: 'GET', path: '/health/ready' }).catch(() => null);
      return answer?.status === 200;
    };
    await until('the product is ready', look, 90_000);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Asks the side channel (see `bench/server.cjs`). */
  ask<T>(name: string, given?: object): Promise<T> {
    const id = ++this.lastId;
    return new Promise<T>((done, failed) => {
      this.asked.set(id, { done: done as (value: unknown) => void, failed });
      this.child.send({ id, name, given });
    });
  }

  sql<R = Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    return this.ask('sql', { text, values });
  }

  usage(): Promise<Usage> {
    return this.ask<Usage>('usage');
  }

  /** Memory after garbage was collected. */
  async memory(): Promise<Usage> {
    for (let round = 0; round < 3; round += 1) await this.ask('collect');
    return this.usage();
  }

  /** One HTTP call. */
  call({ method, path, body, bytes }: Call, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const { type, parts: sending } =
      body === undefined
        ? (bytes ?? { type: '', parts: [] })
        : { type: 'application/json', parts: [Buffer.from(JSON.stringify(body))] };
    const length = sending.reduce((sum, part) => sum + part.length, 0);
    const about = type === '' ? {} : { 'content-type': type, 'content-length': length };
    return new Promise((resolve, reject) => {
      const options = { agent: this.agent, host: '127.0.0.1', port: this.port, method, path };
      const sent = request({ ...options, headers: { ...headers, ...about } }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () => {
          const said = Buffer.concat(parts).toString();
          const json = answer.headers['content-type']?.startsWith('application/json') ?? false;
          resolve({ status: answer.statusCode ?? 0, body: json ? JSON.parse(said) : said });
        });
      });
      sent.on('error', reject);
      for (const part of sending) sent.write(part);
      sent.end();
    });
  }

  /** A call whose answer is counted and thrown away. */
  bytes({ method, path }: Call, headers: Readonly<Record<string, string>>): Promise<{ status: number; bytes: number }> {
    return new Promise((resolve, reject) => {
      const options = { agent: this.agent, host: '127.0.0.1', port: this.port, method, path, headers };
      const got = (answer: IncomingMessage): void => {
        let bytes = 0;
        answer.on('data', (part: Buffer) => (bytes += part.length));
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, bytes }));
      };
      request(options, got).on('error', reject).end();
    });
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.agent.destroy();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const over = once(this.child, 'exit');
      this.child.kill(signal);
      await over;
    }
    if (!this.keep) this.forget();
  }

  forget(): void {
    forgetDataDir(this.dataDir);
  }
}

/** The product as one API shows it to the administrator. */
export class Client<D extends BenchDialect = BenchDialect> {
  private constructor(
    readonly product: Product,
    readonly dialect: D,
    readonly token: string,
  ) {}

  static async of<D extends BenchDialect>(product: Product, dialect: D): Promise<Client<D>> {
    return new Client(product, dialect, await dialect.signIn(product.url, password));
  }

  /** What the API's paths call an agent. */
  async agent(slug: string): Promise<string> {
    const [stored] = await this.product.sql<{ id: string; slug: string }>(
      'select id, slug from agents where slug = $1',
      [slug],
    );
    if (!stored) throw new Error(`there is no ${slug}`);
    return this.dialect.agentOf(stored);
  }

  /** A call that must answer 200. */
  async ok(call: Call): Promise<Body> {
    const { status, body } = await this.product.call(call, this.dialect.headers(this.token));
    if (status !== 200) throw new Error(`${call.method} ${call.path} answered ${status} ${JSON.stringify(body)}`);
    return body;
  }
}

/** As the first API, by which agents are made and kept. */
export type Manager = Client<ManagingDialect>;

export async function createAgent(client: Manager, name: string, runtime: string): Promise<void> {
  const body: Body = await client.ok(client.dialect.create(name, runtime));
  if (!client.dialect.isRunning(body, name)) throw new Error(`${name} is not running: ${JSON.stringify(body)}`);
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts();
  return port;
}

/** Two that differ, because both are taken before either is given back. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')] as const;
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const [one, other] = servers.map((server) => server.address() as AddressInfo);
  for (const server of servers) server.close();
  await Promise.all(servers.map((server) => once(server, 'close')));
  return [one?.port ?? 0, other?.port ?? 0];
}
