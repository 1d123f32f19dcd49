import { spawn } from 'node:child_process';
import type { Secret } from '../../core/credentials/secret.js';
import { TimedOut, Unavailable } from '../../core/errors/domain-error.js';

export interface GitResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GitCall {
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly cwd?: string;
}

const mostOutput = 1024 * 1024;
/** Largest file git may write, in the shell's blocks of 512 bytes: 2 GiB. */
const mostBlocks = 4 * 2 ** 20;

/**
 * The environment git gets: nothing of ours beyond what reaches the host, so that no other secret is in it. The token
 * comes through a pipe, so that it stands in no command line, and is given out to the one configured address only.
 */
const clean = `exec env -i PATH="$PATH" \${HTTPS_PROXY+HTTPS_PROXY="$HTTPS_PROXY"} \${https_proxy+https_proxy="$https_proxy"} \\
  \${NO_PROXY+NO_PROXY="$NO_PROXY"} \${no_proxy+no_proxy="$no_proxy"} \\
  \${SSL_CERT_FILE+GIT_SSL_CAINFO="$SSL_CERT_FILE"} \${GIT_SSL_CAINFO+GIT_SSL_CAINFO="$GIT_SSL_CAINFO"} \\
  LC_ALL=C HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0 sh -c "$0" sh "$@"`;
const inner = `IFS= read -r FLOTILLA_GIT_TOKEN <&3 || :
exec 3<&-
export FLOTILLA_GIT_TOKEN
ulimit -f ${mostBlocks}
exec git "$@"`;
const helper = `!f() { test "$1" = get && printf 'username=x-access-token\\npassword=%s\\n' "$FLOTILLA_GIT_TOKEN"; }; f`;

/** Settings that keep git from doing more than it is asked, and from talking to other places. */
const settings = (base: string, token: Secret | null): string[] =>
  [
    'core.hooksPath=/dev/null',
    'credential.helper=',
    ...(token ? [`credential.${base}.helper=${helper}`] : []),
    'protocol.allow=never',
    `protocol.${new URL(base).protocol.slice(0, -1)}.allow=always`,
    'http.lowSpeedLimit=1000',
    'http.lowSpeedTime=30',
    'gc.auto=0',
  ].flatMap((one) => ['-c', one]);

/** Runs git once. Whatever happens, the process and its children are gone when this settles. */
export function git(base: string, token: Secret | null, { args, timeoutMs, cwd }: GitCall): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', clean, inner, ...settings(base, token), ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    let late = false;
    const end = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      end();
    }, timeoutMs);
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    const pipe = child.stdio[3] as NodeJS.WritableStream;
    pipe.on('error', () => undefined); // it may end before it reads
    pipe.end(`${token?.reveal() ?? ''}\n`);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new Unavailable('git could not be started on this server', 'git_missing', null, { cause: error }));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      end();
      if (late) reject(new TimedOut('The git host did not deliver in time', 'git_timeout'));
      else if (code === 127) reject(new Unavailable('git is not installed on this server', 'git_missing'));
      else resolve({ exitCode: code ?? 1, stdout: stdout(), stderr: stderr() });
    });
  });
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const pieces: Buffer[] = [];
  let size = 0;
  stream?.on('data', (piece: Buffer) => {
    if (size < mostOutput) pieces.push(piece);
    size += piece.length;
  });
  return () => Buffer.concat(pieces).toString('utf8');
}
