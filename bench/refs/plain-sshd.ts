import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../core/numbers.js';

const program = '/usr/sbin/sshd';

/** Reference: OpenSSH's own server on loopback, with one key and nothing else switched on or off. */
export class PlainSshd {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  /** null where there is no sshd, or where we may not start one. */
  static async start(port: number, publicKey: string): Promise<PlainSshd | null> {
    if (!existsSync(program) || process.getuid?.() !== 0) return null;
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-bench-sshd-'));
    const file = (name: string): string => join(folder, name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file('host')]);
    writeFileSync(file('keys'), `${publicKey}\n`, { mode: 0o600 });
    const lines = [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${file('host')}`,
      `AuthorizedKeysFile ${file('keys')}`,
      'StrictModes no', // the key lies under /tmp
      'PidFile none',
    ];
    writeFileSync(file('config'), `${lines.join('\n')}\n`);
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const child = spawn(program, ['-D', '-f', file('config')], { stdio: 'ignore' });
    await until('sshd listens', () => listens(port));
    return new PlainSshd(port, child, folder);
  }

  async end(): Promise<void> {
    const over = once(this.child, 'exit');
    this.child.kill();
    await over;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('data', () => socket.destroy());
  });
}
