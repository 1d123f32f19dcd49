import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Secret } from '../../core/credentials/secret.js';
import { Invalid, Upstream } from '../../core/errors/domain-error.js';
import { type PackedRepository, Repositories } from '../../core/library/repositories.port.js';
import { git, type GitResult } from './git.js';

export interface GitHost {
  /** Without a trailing slash, such as `https://github.com`. */
  readonly url: string;
  readonly token: Secret | null;
}

const askMs = 30_000;
const cloneMs = 300_000;
/** Clones at the same time; more wait. */
const mostClones = 4;
const prefix = 'repository-';

/** Repositories of one git host, read by the machine's own git. */
export class GitRepositories extends Repositories {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private swept: Promise<void> | null = null;

  /** @param scratch folder for what is under way, this server's own */
  constructor(
    private readonly host: GitHost,
    private readonly scratch: string,
  ) {
    super();
  }

  originOf(repository: string): string {
    return `${this.host.url}/${repository}.git`;
  }

  async check(repository: string, branch: string | null): Promise<void> {
    await this.branchOf(repository, branch);
  }

  text(repository: string, file: string): Promise<string | null> {
    return this.inScratch(async (folder) => {
      await this.clone(repository, folder, ['--depth=1', '--single-branch', '--no-tags']);
      const found = await this.git(['cat-file', 'blob', `HEAD:${file}`], askMs, folder);
      return found.exitCode === 0 ? found.stdout : null;
    });
  }

  async pack(repository: string, branch: string | null): Promise<PackedRepository> {
    const chosen = await this.branchOf(repository, branch);
    const folder = await this.newScratch();
    const discard = (): Promise<void> => rm(folder, { recursive: true, force: true });
    try {
      await this.inTurn(async () => {
        await this.clone(repository, path.join(folder, 'clone'), []);
        const made = await this.git(
          ['bundle', 'create', '-q', '../bundle', '--all'],
          cloneMs,
          path.join(folder, 'clone'),
        );
        if (made.exitCode !== 0) throw this.failure(repository, made);
      });
      return { branch: chosen, read: () => createReadStream(path.join(folder, 'bundle')), discard };
    } catch (error) {
      await discard();
      throw error;
    }
  }

  /** The branch to use. Throws `Invalid` when the repository or the branch is not there. */
  private async branchOf(repository: string, branch: string | null): Promise<string> {
    const wanted = branch === null ? ['HEAD'] : [`refs/heads/${branch}`];
    const found = await this.git(['ls-remote', '--symref', '--', this.originOf(repository), ...wanted], askMs);
    if (found.exitCode !== 0) throw this.failure(repository, found);
    if (branch !== null && found.stdout.includes(`\trefs/heads/${branch}\n`)) return branch;
    if (branch !== null) throw new Invalid(`${repository} has no branch ${branch}`, [], 'unknown_branch');
    const head = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(found.stdout)?.[1];
    if (head === undefined) throw new Invalid(`${repository} is empty`, [], 'empty_repository');
    return head;
  }

  private async clone(repository: string, folder: string, options: readonly string[]): Promise<void> {
    const args = ['clone', '--bare', '--quiet', '--no-local', ...options, '--', this.originOf(repository), folder];
    const done = await this.git(args, cloneMs);
    if (done.exitCode !== 0) throw this.failure(repository, done);
  }

  private git(args: readonly string[], timeoutMs: number, cwd?: string): Promise<GitResult> {
    return git(this.host.url, this.host.token, { args, timeoutMs, ...(cwd === undefined ? {} : { cwd }) });
  }

  /** What git said, in words that tell what to do. Its own text may hold anything, so only the known is repeated. */
  private failure(repository: string, { stderr, exitCode }: GitResult): Error {
    if (/not found|could not read Username|Authentication failed|returned error: 40[134]/i.test(stderr)) {
      const hint = this.host.token ? 'its token may not read it' : 'it is private and GITHUB_TOKEN is not set';
      return new Invalid(`${repository} was not found at ${this.host.url}, or ${hint}`, [], 'unknown_repository');
    }
    if (/File too large|File size limit|exceeded/i.test(stderr) || exitCode === 153) {
      return new Invalid(`${repository} is larger than 2 GB`, [], 'repository_too_large');
    }
    if (/No space left/i.test(stderr)) return new Upstream('the disk of the server is full', 'git_failed');
    if (/resolve host|Failed to connect|Connection refused|timed? ?out|returned error: 5/i.test(stderr)) {
      return new Upstream(`${this.host.url} does not answer`, 'git_unreachable');
    }
    return new Upstream(`${repository} could not be read from ${this.host.url}`, 'git_failed', {
      cause: new Error(stderr.slice(0, 2000)),
    });
  }

  private inScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      const folder = await this.newScratch();
      try {
        return await work(path.join(folder, 'clone'));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }

  private async newScratch(): Promise<string> {
    await mkdir(this.scratch, { recursive: true, mode: 0o700 });
    await (this.swept ??= this.sweep());
    return mkdtemp(path.join(this.scratch, prefix));
  }

  /** What a server that was killed left behind. */
  private async sweep(): Promise<void> {
    for (const name of await readdir(this.scratch)) {
      if (name.startsWith(prefix)) await rm(path.join(this.scratch, name), { recursive: true, force: true });
    }
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= mostClones) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running += 1;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running -= 1;
    }
  }
}
