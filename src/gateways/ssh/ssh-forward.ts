import type { AcceptConnection, RejectConnection, ServerChannel, TcpipRequestInfo } from 'ssh2';
import type { Host } from './ssh-session.js';

const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);
/** socat where there is one; every image of ours has it. */
const connector = `if command -v socat >/dev/null; then exec socat -t 30 - "TCP4:127.0.0.1:$0"; fi
exec 3<>"/dev/tcp/127.0.0.1/$0" || exit 1; cat <&3 & r=$!; cat >&3; wait $r`;

/** `ssh -L`: a connection to a port on the agent's own loopback, and nowhere else. */
export function forward(
  accept: AcceptConnection<ServerChannel>,
  reject: RejectConnection,
  { destIP, destPort }: TcpipRequestInfo,
  host: Host,
): void {
  if (!loopback.has(destIP) || !Number.isInteger(destPort) || destPort < 1 || destPort > 65_535) return reject();
  host.start({ argv: ['/bin/bash', '-c', connector, String(destPort)], tty: null }).then(
    (shell) => {
      const channel = accept();
      host.opened(channel);
      const { stdin, stdout, stderr, exited } = shell.handle;
      for (const stream of [channel, stdin]) stream.on('error', () => undefined);
      channel.once('close', () => void shell.end());
      stderr.resume();
      stdout.pipe(channel, { end: false });
      channel.pipe(stdin);
      void exited.then(() => {
        channel.end();
        return shell.finished();
      });
    },
    () => reject(),
  );
}
