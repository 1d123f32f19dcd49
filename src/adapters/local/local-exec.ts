import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { EngineError } from '../../core/instances/engine.errors.js';
import type { ExecHandle, ExecRequest } from '../../core/instances/engine.port.js';

const terminal = readFileSync(join(__dirname, 'terminal.pl'), 'utf8');
const lastWordsMs = 2000;

/** The command line prefix that makes a process someone else, for good and without any capability. */
export function asUser(uid: number | null): string[] {
  if (uid === null) return [];
  const user = ['--reuid', String(uid), '--regid', String(uid), '--clear-groups'];
  return ['setpriv', ...user, '--no-new-privs', '--inh-caps=-all', '--'];
}

/** Starts a process of an instance. `env` is its whole environment; nothing of ours is inherited. */
export async function startExec(
  request: ExecRequest,
  context: { readonly uid: number | null; readonly env: Record<string, string>; readonly cwd: string },
): Promise<ExecHandle> {
  const tty = request.tty ? ['perl', '-e', terminal, String(request.tty.cols), String(request.tty.rows)] : [];
  // `env` reports a missing program or folder with an exit code, as any engine does.
  const entered = ['env', '-C', request.cwd ?? context.cwd, ...tty, ...request.argv];
  const [command = '', ...args] = [...asUser(request.user === 'root' ? null : context.uid), ...entered];
  const env = { ...context.env, ...request.env, ...(request.tty && { TERM: request.env?.TERM ?? 'xterm-256color' }) };
  // A fourth stream tells sizes to the program of the terminal; without one it would be held for nothing.
  const size = request.tty ? 'pipe' : null;
  const child = spawn(command, args, { cwd: '/', env, detached: true, stdio: ['pipe', 'pipe', 'pipe', size] });
  await Promise.race([once(child, 'spawn'), once(child, 'error').then(fail)]);
  child.unref();

  const { stdin, stdout, stderr } = child;
  const control = child.stdio[3] as Writable | null;
  const outputs = Promise.all([ended(stdout), ended(stderr)]);
  for (const stream of [stdin, stdout, stderr, control]) stream?.on('error', () => undefined);
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code, signal) => {
      const status = code ?? (signal ? 128 + constants.signals[signal] : null);
      // A child left in the background may keep the output open for ever.
      const timer = setTimeout(() => resolve(status), lastWordsMs).unref();
      void outputs.then(() => {
        clearTimeout(timer);
        resolve(status);
      });
    });
  });
  return {
    stdin,
    stdout,
    stderr,
    exited,
    resize: (cols, rows) => {
      control?.write(`${Math.trunc(cols)} ${Math.trunc(rows)}\n`);
      return Promise.resolve();
    },
    close: () => {
      for (const stream of [stdin, stdout, stderr, control]) stream?.destroy();
    },
  };
}

function fail(errors: unknown[]): never {
  const code = (errors[0] as NodeJS.ErrnoException).code ?? '';
  throw new EngineError('refused', `no process can be started (${code})`, { cause: errors[0] });
}

function ended(stream: Readable): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve).once('end', resolve));
}
