import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Something about the data folder or the database keeps the server from starting. One sentence that says what to do. */
export class DatabaseError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DatabaseError';
  }
}

/**
 * Programs that take a lock on a file they inherit (descriptor 3). The lock belongs to the open file, so it stays ours
 * after they exit, and the kernel drops it the moment this process is gone: nothing is ever stale, even after kill -9.
 */
const lockers: readonly (readonly [string, readonly string[]])[] = [
  ['flock', ['-n', '3']],
  ['perl', ['-MFcntl=:flock', '-e', 'open(my $f, "+<&=", 3) or exit 2; flock($f, LOCK_EX | LOCK_NB) or exit 1']],
];

/** Makes `folder` ours until the returned function is called or this process ends. Throws `DatabaseError` when it is taken. */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'lock');
  const fd = openSync(file, 'a+', 0o600);
  try {
    takeLock(fd, file, folder);
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  let held = true;
  return () => {
    // Closing twice would close whatever got this number meanwhile.
    if (held) closeSync(fd);
    held = false;
  };
}

function takeLock(fd: number, file: string, folder: string): void {
  for (const [command, args] of lockers) {
    const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'ignore', fd] });
    if (error) continue;
    if (status === 0) return;
    if (status !== 1) continue;
    const pid = readFileSync(file, 'utf8').trim();
    throw new DatabaseError(
      `The data folder ${folder} is in use by another Flotilla${pid ? ` (process ${pid})` : ''}: stop that one first, or set FLOTILLA_DATA_DIR to another folder.`,
    );
  }
  throw new DatabaseError(`The data folder ${folder} cannot be locked: install flock (util-linux) or perl.`);
}
