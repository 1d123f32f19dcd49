import type { Readable, Writable } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import type { Shell } from '../../core/ssh/shells.service.js';

/** How long output may be silent after its program ended, while a child in the background still holds it. */
const lastWordsMs = 300;

/**
 * Carries bytes between a client and a program until one of them is over, and the exit code to the client. Both ways
 * nothing more is read while the other side is full.
 */
export async function carry(shell: Shell, channel: ServerChannel, tty: boolean): Promise<void> {
  const { stdin, stdout, stderr, exited } = shell.handle;
  for (const stream of [channel, channel.stderr, stdin]) stream.on('error', () => undefined);
  channel.once('close', () => void shell.end());
  if (channel.destroyed || !channel.writable) return shell.end();
  stdout.pipe(channel, { end: false });
  if (!tty) stderr.pipe(channel.stderr, { end: false });
  // The end of input is passed on, except on a terminal, where it would be a hang-up.
  channel.pipe(stdin, { end: !tty });
  const code = await exited;
  await Promise.all([delivered(stdout, channel), tty ? null : delivered(stderr, channel.stderr)]);
  close(channel, code ?? 255);
  await shell.finished();
}

/** Says why nothing was started. */
export function fail(channel: ServerChannel, error: unknown): void {
  if (channel.destroyed) return;
  channel.stderr.write(`flotilla: ${error instanceof Error ? error.message : 'it could not be started'}\r\n`);
  close(channel, 255);
}

/** Never `channel.close()`: it throws away what a slow client has not taken yet. */
function close(channel: ServerChannel, code: number): void {
  if (channel.destroyed) return;
  channel.exit(code);
  channel.end();
}

/** Resolves when all output was handed over, however slow the receiver; a child that holds it open is not waited for. */
function delivered(output: Readable, receiver: Writable): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const done = (): void => {
      clearTimeout(timer);
      output.unpipe(receiver);
      resolve();
    };
    const look = (): void => {
      if (output.readableEnded || output.destroyed || receiver.destroyed) return done();
      clearTimeout(timer);
      const silent = output.readableLength === 0 && !receiver.writableNeedDrain;
      timer = setTimeout(silent ? done : look, lastWordsMs);
    };
    output.once('end', done).once('close', done);
    output.on('data', () => {
      clearTimeout(timer);
      timer = setTimeout(look, lastWordsMs);
    });
    receiver.once('close', done);
    look();
  });
}
