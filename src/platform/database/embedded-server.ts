import { execFile } from 'node:child_process';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { DatabaseError, lockFolder } from './folder-lock.js';

/** One statement's outcome as it crosses the thread: values are PostgreSQL's text, or null. */
export interface RawResult {
  readonly rows: readonly (readonly (string | null)[])[];
  readonly rowCount: number | null;
  readonly command?: string;
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

interface Reply {
  readonly id?: number;
  /** Whether the session has a transaction open after this statement. */
  readonly open?: boolean;
  readonly results?: readonly RawResult[];
  readonly error?: { readonly message: string; readonly [field: string]: unknown };
  readonly ready?: true;
  readonly failed?: string;
  readonly channel?: string;
  readonly payload?: string;
}

interface Request {
  readonly session: number;
  readonly sql: string;
  readonly values?: readonly (string | Buffer | null)[];
  readonly release?: true;
  readonly close?: true;
}

interface Pending {
  readonly session: number;
  resolve(results: readonly RawResult[]): void;
  reject(error: Error): void;
}

export interface EmbeddedServerOptions {
  /** After this time without a statement, an open transaction that others wait for is rolled back. */
  readonly idleInTransactionMs?: number;
  /** How often the write-ahead log and dead rows are looked after. */
  readonly maintenanceMs?: number;
}

type Notified = (payload: string) => void;

/** PGlite in a worker thread, on a folder that belongs to this process alone. Restarts by itself after a crash of the thread. */
export class EmbeddedServer {
  private readonly folder: string;
  private readonly pending = new Map<number, Pending>();
  private readonly inTransaction = new Set<number>();
  private readonly listeners = new Map<string, Set<Notified>>();
  private worker: Promise<Worker> | null = null;
  private unlock: (() => void) | null = null;
  private lastId = 0;
  private lastSession = 0;
  /** Settled once it is closed; null while it is in use. */
  private closing: Promise<void> | null = null;

  /** `dataDir` is Flotilla's data folder: the database lives in `database/` inside it. */
  constructor(
    private readonly dataDir: string,
    private readonly options: EmbeddedServerOptions = {},
  ) {
    this.folder = join(dataDir, 'database');
  }

  /** A number for one client; a transaction belongs to the session that opened it. */
  newSession(): number {
    return ++this.lastSession;
  }

  /** Locks the folder, makes the database on the first start, and starts the thread. Throws `DatabaseError`. */
  async start(): Promise<void> {
    if (this.closing) await this.closing;
    this.closing = null;
    await this.running();
  }

  /** Runs one statement (or several, when there are no values). Rejects with PostgreSQL's error fields. */
  execute(session: number, sql: string, values?: readonly (string | Buffer | null)[]): Promise<readonly RawResult[]> {
    return this.send({ session, sql, values });
  }

  /** The client is done: a transaction it left open is rolled back. */
  async release(session: number): Promise<void> {
    if (!this.worker || this.closing) return;
    const busy = [...this.pending.values()].some((pending) => pending.session === session);
    if (busy || this.inTransaction.has(session)) await this.send({ session, sql: '', release: true });
  }

  /** Calls back for each notification on the channel; the returned function stops that. */
  async listen(channel: string, notified: Notified): Promise<() => void> {
    const known = this.listeners.get(channel);
    const all = known ?? new Set();
    this.listeners.set(channel, all.add(notified));
    if (!known && this.worker) await this.send({ session: this.newSession(), sql: `listen "${channel}"` });
    return () => void all.delete(notified);
  }

  /** Finishes what was sent before, writes everything to disk and gives the folder back. */
  close(): Promise<void> {
    return (this.closing ??= this.shutDown());
  }

  private async shutDown(): Promise<void> {
    const worker = await this.worker?.catch(() => null);
    if (worker) {
      const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      this.post(worker, { session: 0, sql: '', close: true }).catch(() => undefined);
      await gone;
    }
    this.worker = null;
    this.unlock?.();
    this.unlock = null;
  }

  private async send(request: Request): Promise<readonly RawResult[]> {
    if (this.closing) throw connectionLost('The database is closed');
    const worker = await this.running();
    return this.post(worker, request);
  }

  private post(worker: Worker, request: Request): Promise<readonly RawResult[]> {
    return new Promise((resolve, reject) => {
      const id = ++this.lastId;
      this.pending.set(id, { session: request.session, resolve, reject });
      worker.postMessage({ ...request, id });
    });
  }

  private running(): Promise<Worker> {
    this.worker ??= this.launch().catch((error: unknown) => {
      this.worker = null;
      this.unlock?.();
      this.unlock = null;
      throw error;
    });
    return this.worker;
  }

  private async launch(): Promise<Worker> {
    this.unlock ??= lockFolder(this.dataDir);
    await prepareFolder(this.folder);
    const worker = new Worker(workerFile, {
      env: {},
      workerData: {
        folder: this.folder,
        idleInTransactionMs: this.options.idleInTransactionMs ?? 30_000,
        maintenanceMs: this.options.maintenanceMs ?? 60_000,
      },
    });
    await this.ready(worker);
    for (const channel of this.listeners.keys()) await this.post(worker, { session: 0, sql: `listen "${channel}"` });
    return worker;
  }

  private ready(worker: Worker): Promise<void> {
    return new Promise((resolve, reject) => {
      let crash: Error | null = null;
      let served = false;
      worker.on('message', (reply: Reply) => {
        if (reply.ready) {
          served = true;
          return resolve();
        }
        if (reply.failed === undefined) return this.receive(reply);
        crash = new Error(reply.failed);
        return void worker.terminate();
      });
      worker.on('error', (error) => (crash = error instanceof Error ? error : new Error(String(error))));
      worker.on('exit', () => {
        const why = crash?.message ?? 'its thread ended';
        reject(new DatabaseError(`The embedded database in ${this.folder} does not start: ${why}`));
        this.lose(crash);
        if (served && !this.closing) this.missed();
      });
    });
  }

  /** The thread is gone, and with it every open transaction. The next statement starts a new one. */
  private lose(cause: Error | null): void {
    this.worker = null;
    this.inTransaction.clear();
    const lost = connectionLost('The embedded database stopped unexpectedly', cause);
    for (const pending of this.pending.values()) pending.reject(lost);
    this.pending.clear();
  }

  /** Something may have been announced that nobody heard. */
  private missed(): void {
    for (const listeners of this.listeners.values()) for (const notified of listeners) notified('');
  }

  private receive(reply: Reply): void {
    if (reply.channel !== undefined) {
      for (const notified of this.listeners.get(reply.channel) ?? []) notified(reply.payload ?? '');
      return;
    }
    const waiting = reply.id === undefined ? undefined : this.pending.get(reply.id);
    if (reply.id === undefined || !waiting) return;
    this.pending.delete(reply.id);
    if (reply.open) this.inTransaction.add(waiting.session);
    else this.inTransaction.delete(waiting.session);
    if (reply.error) waiting.reject(Object.assign(new Error(reply.error.message), reply.error));
    else waiting.resolve(reply.results ?? []);
  }
}

/** Beside this file in src (tests) and in dist (copied by the build). */
const workerFile = join(__dirname, 'pglite.worker.cjs');
const postgresVersion = '18';

const connectionLost = (message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { code: '57P01' });

/** A complete database, or none: it is made under another name, by a process of its own, and renamed when it is on disk. */
async function prepareFolder(folder: string): Promise<void> {
  const version = join(folder, 'PG_VERSION');
  if (existsSync(version)) {
    const found = readFileSync(version, 'utf8').trim();
    if (found === postgresVersion) return;
    throw new DatabaseError(
      `${folder} was made by PostgreSQL ${found}; this Flotilla needs version ${postgresVersion}.`,
    );
  }
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new DatabaseError(
      `${folder} is not empty and holds no database: move its content away, or restore a backup.`,
    );
  }
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  try {
    await promisify(execFile)(process.execPath, [workerFile, draft], { env: {} });
  } catch (error) {
    throw new DatabaseError(`The embedded database could not be created in ${folder}: ${firstLine(error)}`, {
      cause: error,
    });
  }
  syncTree(draft);
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
  syncFile(join(folder, '..'));
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  return (stderr?.trim() || message || 'unknown error').split('\n')[0] ?? '';
}

function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else syncFile(path);
  }
  syncFile(folder);
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
