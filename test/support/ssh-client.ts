import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'ssh2';
import { until } from './until.js';

export interface Ran {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Whether this machine has a program: tests that need another are skipped by name. */
export const isInstalled = (program: string): boolean =>
  spawnSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' }).status === 0;

/** The stock OpenSSH programs with a key and a configuration of their own, as a person uses them. */
export class SshClient {
  private readonly folder = mkdtempSync(join(tmpdir(), 'flotilla-ssh-'));
  readonly publicKey: string;
  private readonly running = new Set<ReturnType<typeof spawn>>();

  constructor(
    readonly port: number,
    privateKey?: string,
  ) {
    const key = this.path('key');
    if (privateKey === undefined)
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', key]);
    else writeFileSync(key, privateKey, { mode: 0o600 });
    this.publicKey = execFileSync('ssh-keygen', ['-y', '-f', key], { encoding: 'utf8' }).trim();
    const options = {
      ...{ HostName: '127.0.0.1', Port: port, IdentityFile: key, IdentitiesOnly: 'yes', BatchMode: 'yes' },
      ...{ StrictHostKeyChecking: 'accept-new', UserKnownHostsFile: this.path('known'), LogLevel: 'ERROR' },
    };
    const lines = Object.entries(options).map(([name, value]) => `  ${name} ${value}`);
    writeFileSync(this.path('config'), ['Host *', ...lines, ''].join('\n'));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** The key that the gateway showed. */
  hostKeys(): string {
    return readFileSync(this.path('known'), 'utf8');
  }

  /** `ssh`, `scp`, `sftp`, or another program with `GIT_SSH_COMMAND` and `RSYNC_RSH` set. */
  run(program: string, argv: readonly string[], input?: string | Buffer): Promise<Ran> {
    const child = this.spawn(program, argv);
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    const out: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => out.push(data));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString('utf8')));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, stdout: Buffer.concat(out), stderr }));
    });
  }

  /** One command in an agent. */
  ssh(agent: string, command: string, input?: string | Buffer): Promise<Ran> {
    return this.run(
      'ssh',
      [agent, command].map((one) => (one === agent ? `${agent}@gateway` : one)),
      input,
    );
  }

  /** A program whose life the test follows itself. */
  spawn(program: string, argv: readonly string[]) {
    const ssh = `ssh -F ${this.path('config')}`;
    const own = /^(ssh|scp|sftp)$/.test(program) ? ['-F', this.path('config')] : [];
    const child = spawn(program, [...own, ...argv], {
      cwd: this.folder,
      env: { ...process.env, GIT_SSH_COMMAND: ssh, RSYNC_RSH: ssh, SSH_AUTH_SOCK: '' },
    });
    this.running.add(child);
    child.once('close', () => this.running.delete(child));
    return child;
  }

  close(): void {
    for (const child of this.running) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface Size {
  readonly cols: number;
  readonly rows: number;
}

/** A terminal over SSH whose size the test changes, which `ssh` does only on a terminal of its own. */
export function openTerminal(client: SshClient, agent: string, size: Size) {
  const connection = new Client();
  let output = '';
  return new Promise<{
    type(text: string): void;
    resize(size: Size): void;
    says(what: RegExp): Promise<unknown>;
    readonly ended: Promise<number | null>;
  }>((resolve, reject) => {
    connection.on('error', reject);
    connection.on('ready', () => {
      connection.shell({ ...size, term: 'vt100' }, (error, stream) => {
        if (error) return reject(error);
        stream.on('data', (data: Buffer) => (output += data.toString('utf8')));
        stream.stderr.on('data', (data: Buffer) => (output += data.toString('utf8')));
        const ended = new Promise<number | null>((done) => {
          stream.once('exit', (code: number | null) => {
            connection.end();
            done(code);
          });
          connection.once('close', () => done(null));
        });
        resolve({
          type: (text) => void stream.write(text),
          resize: ({ cols, rows }) => stream.setWindow(rows, cols, 0, 0),
          says: (what) => until(`it says ${String(what)}: ${output}`, () => what.test(output)),
          ended,
        });
      });
    });
    connection.connect({
      host: '127.0.0.1',
      port: client.port,
      username: agent,
      privateKey: readFileSync(client.path('key')),
    });
  });
}
