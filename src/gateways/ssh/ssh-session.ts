import type { ServerChannel, Session } from 'ssh2';
import type { ShellSignal } from '../../core/instances/channel.port.js';
import type { Shell, ShellWish } from '../../core/ssh/shells.service.js';
import { carry, fail } from './ssh-pump.js';

/** What a session needs of its connection. */
export interface Host {
  start(wish: ShellWish): Promise<Shell>;
  opened(channel: ServerChannel): void;
}

/** What clients may set in an agent: how texts look, and what git asks for. */
const settable = /^(LANG|LC_[A-Z]+|TZ|COLORTERM|GIT_PROTOCOL)$/;
const plain = /^[\x20-\x7e]{0,200}$/;
const signals: ReadonlySet<string> = new Set<ShellSignal>([
  ...(['HUP', 'INT', 'QUIT', 'ABRT', 'KILL', 'USR1', 'USR2', 'PIPE', 'ALRM', 'TERM'] as const),
]);

/**
 * Where the image, or a machine of the local engine, keeps it. It insists on the name of its user, which agents of the
 * local engine have none of: in a name space of its own it finds one.
 */
const sftpServer = `id -un >/dev/null 2>&1 || named='unshare -r --'
for f in /usr/lib/openssh /usr/lib/ssh /usr/libexec/openssh /usr/libexec; do
  [ -x $f/sftp-server ] && exec $named $f/sftp-server; done; echo 'flotilla: there is no sftp-server here' >&2; exit 127`;

/** One session of a client: a shell, a command or SFTP, on a terminal or not. Everything else is refused. */
export function serveSession(session: Session, host: Host): void {
  const env: Record<string, string> = {};
  let tty: { cols: number; rows: number } | null = null;
  let shell: Shell | null = null;
  let begun = false;

  session.on('pty', (accept, _reject, info) => {
    tty = sizeOf(info);
    if (info.term && plain.test(info.term)) env['TERM'] = info.term;
    yes(accept);
  });
  session.on('env', (accept, reject, { key, val }) => {
    if (!settable.test(key) || !plain.test(val)) return yes(reject);
    env[key] = val;
    yes(accept);
  });
  session.on('window-change', (accept, _reject, info) => {
    if (tty) tty = sizeOf(info);
    if (tty) shell?.handle.resize(tty.cols, tty.rows).catch(() => undefined);
    yes(accept);
  });
  session.on('signal', (accept, reject, { name }) => {
    if (!shell || !signals.has(name)) return yes(reject);
    shell.signal(name as ShellSignal);
    yes(accept);
  });

  const run = async (channel: ServerChannel, argv: readonly string[]): Promise<void> => {
    host.opened(channel);
    const asked = tty;
    if (asked) env['TERM'] ??= 'xterm-256color';
    else delete env['TERM'];
    try {
      shell = await host.start({ argv, tty: asked, env });
      if (tty && asked && tty !== asked) await shell.handle.resize(tty.cols, tty.rows).catch(() => undefined);
      await carry(shell, channel, asked !== null);
    } catch (error) {
      fail(channel, error);
    }
  };
  const begin = (accept: () => ServerChannel, reject: () => void, argv: readonly string[]): void => {
    if (begun) return yes(reject);
    begun = true;
    void run(accept(), argv);
  };
  session.on('shell', (accept, reject) => begin(accept, reject, ['/bin/bash', '-l']));
  session.on('exec', (accept, reject, { command }) => begin(accept, reject, ['/bin/bash', '-c', command]));
  session.on('subsystem', (accept, reject, { name }) => {
    if (name !== 'sftp') return yes(reject);
    begin(accept, reject, ['/bin/sh', '-c', sftpServer]);
  });
}

/** A client that wants no answer brings nothing to answer with. */
function yes(answer: (() => void) | undefined): void {
  answer?.();
}

const sizeOf = ({ cols, rows }: { cols: number; rows: number }): { cols: number; rows: number } => ({
  cols: cols > 0 && cols <= 2000 ? cols : 80,
  rows: rows > 0 && rows <= 2000 ? rows : 24,
});
