import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EngineError } from '../../core/instances/engine.errors.js';
import type { ImageProgress } from '../../core/instances/engine.port.js';

const manifest = join(__dirname, '../../../docker/agent/runtime-packages.json');
const nodeMajor = 24;
const oldestNode = 22;
const installMs = 20 * 60_000;

/**
 * npm in a clean environment: the server's own holds provider keys, and packages run scripts of their own. Only what
 * reaches a registry is let through.
 */
const npm = `exec env -i PATH="$0:$PATH" HOME="$HOME" \${HTTPS_PROXY+HTTPS_PROXY="$HTTPS_PROXY"} \\
  \${HTTP_PROXY+HTTP_PROXY="$HTTP_PROXY"} \${NO_PROXY+NO_PROXY="$NO_PROXY"} \\
  \${NODE_EXTRA_CA_CERTS+NODE_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"} npm "$@"`;

/** A runtime given by the caller instead of npm: a folder for PATH, or a program in one. */
export type ExtraRuntimes = Readonly<Record<string, { readonly bin: string }>>;

interface Wanted {
  readonly folder: string;
  readonly packages: readonly string[];
}

/** The coding programs, installed from npm under `<dataDir>/runtimes/<runtime>`. */
export class RuntimeStore {
  private readonly installs = new Map<string, Promise<void>>();

  constructor(
    private readonly folder: string,
    private readonly extra: ExtraRuntimes,
  ) {}

  /** Its name and what is installed; null when it is unknown, absent or of another version than wanted. */
  find(runtime: string): { readonly name: string; readonly version: string } | null {
    const given = this.extra[runtime];
    if (given) return existsSync(given.bin) ? { name: `local/${runtime}`, version: 'given' } : null;
    const wanted = this.wanted(runtime);
    if (!wanted || !this.isInstalled(wanted) || !this.isInstalled(this.node())) return null;
    return { name: `local/${runtime}`, version: wanted.packages.join(' ') };
  }

  /** Folders for the PATH of a runtime's instances, first match first. */
  binFolders(runtime: string): string[] {
    const given = this.extra[runtime];
    const own = given ? (statSync(given.bin).isDirectory() ? given.bin : dirname(given.bin)) : null;
    return [
      own ?? join(this.folder, runtime, 'node_modules/.bin'),
      this.nodeFolder(),
      '/usr/local/bin',
      '/usr/bin',
      '/bin',
    ];
  }

  /** Installs what is missing; callers that come together share one installation. */
  async prepare(runtime: string, progress: (step: ImageProgress) => void, signal?: AbortSignal): Promise<void> {
    if (this.find(runtime)) return;
    const wanted = this.wanted(runtime);
    if (!wanted) throw new EngineError('no_image', `there is no runtime ${runtime}`);
    for (const one of [this.node(), wanted]) {
      if (!this.isInstalled(one)) await unlessAborted(this.install(one, progress), signal);
    }
  }

  private install(wanted: Wanted, progress: (step: ImageProgress) => void): Promise<void> {
    const running = this.installs.get(wanted.folder);
    progress({ step: `${running ? 'waiting for' : 'installing'} ${wanted.packages.join(' ')} from npm` });
    if (running) return running;
    const installing = this.installInto(wanted).finally(() => this.installs.delete(wanted.folder));
    this.installs.set(wanted.folder, installing);
    return installing;
  }

  /** In a folder beside it, which takes the name when all is there: half an installation is never found. */
  private async installInto({ folder, packages }: Wanted): Promise<void> {
    const draft = `${folder}.new`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true, mode: 0o755 });
    await writeFile(join(draft, 'package.json'), JSON.stringify({ private: true, name: 'flotilla-runtime' }));
    await runNpm(['install', '--prefix', draft, '--no-audit', '--no-fund', '--loglevel=error', ...packages]);
    await writeFile(join(draft, 'flotilla.json'), JSON.stringify(packages));
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  }

  private isInstalled({ folder, packages }: Wanted): boolean {
    if (!packages.length) return true;
    const file = join(folder, 'flotilla.json');
    return existsSync(file) && readFileSync(file, 'utf8') === JSON.stringify(packages);
  }

  private wanted(runtime: string): Wanted | null {
    const packages = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, string | undefined>;
    const named = Object.hasOwn(packages, runtime) ? packages[runtime] : undefined;
    return named ? { folder: join(this.folder, runtime), packages: named.split(' ') } : null;
  }

  /** Runtimes need a newer Node than the server, and one that other users may execute. */
  private node(): Wanted {
    const ours = Number(process.versions.node.split('.')[0]) >= oldestNode && !process.execPath.startsWith('/root/');
    const name = `node-linux-${process.arch}`;
    return { folder: join(this.folder, `node-${nodeMajor}`), packages: ours ? [] : [`${name}@${nodeMajor}`] };
  }

  private nodeFolder(): string {
    const { folder, packages } = this.node();
    const installed = join(folder, `node_modules/node-linux-${process.arch}/bin`);
    return packages.length && existsSync(installed) ? installed : dirname(process.execPath);
  }
}

function runNpm(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', npm, dirname(process.execPath), ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: installMs,
    });
    let said = '';
    child.stderr.on('data', (piece: Buffer) => (said = (said + piece.toString()).slice(-2000)));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else if (said.includes('ENOSPC')) reject(new EngineError('disk_full', 'the disk is full'));
      else reject(new EngineError('refused', 'npm could not install the runtime', { cause: new Error(said.trim()) }));
    });
  });
}

/** The work goes on for others who wait for it. */
function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return work;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', abort, { once: true });
    work.finally(() => signal.removeEventListener('abort', abort)).then(resolve, reject);
  });
}
