import { existsSync, watch } from 'node:fs';
import { type FileHandle, open, rename, stat } from 'node:fs/promises';

const pieceBytes = 2 ** 16;
const keptBytes = 10 * 2 ** 20;

/** Sets a log aside when it has grown past 10 MiB; the one before it is dropped. Only while nobody writes. */
export async function rotateLog(file: string): Promise<void> {
  if (existsSync(file) && (await stat(file)).size > keptBytes) await rename(file, `${file}.1`);
}

/** The last `tail` lines of a log file, then, with `follow`, what is appended until `signal` fires. */
export async function* readLog(
  file: string,
  options: { readonly tail: number; readonly follow?: boolean; readonly signal?: AbortSignal },
): AsyncIterable<Buffer> {
  if (!existsSync(file)) return;
  const handle = await open(file, 'r');
  const change = new Change(file, options.signal);
  try {
    let at = await startOfTail(handle, options.tail);
    while (!options.signal?.aborted) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(pieceBytes), 0, pieceBytes, at);
      at += bytesRead;
      if (bytesRead) yield buffer.subarray(0, bytesRead);
      else if (options.follow && (await handle.stat()).nlink > 0) await change.next();
      else return;
    }
  } finally {
    change.close();
    await handle.close();
  }
}

async function startOfTail(handle: FileHandle, lines: number): Promise<number> {
  const { size } = await handle.stat();
  if (lines <= 0) return size;
  let missing = lines;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - pieceBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at -= 1) {
      // The newline at the very end closes the last line and begins none.
      if (buffer[at] === 10 && start + at !== size - 1 && (missing -= 1) === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** Waits for a change of a file; looks once a second in any case, because a watch may be refused. */
class Change {
  private readonly watcher: ReturnType<typeof watch> | null;
  private pending = false;
  private wake: () => void = () => undefined;

  constructor(
    file: string,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.watcher = this.open(file);
    signal?.addEventListener('abort', this.notice, { once: true });
  }

  async next(): Promise<void> {
    if (!this.pending && !this.signal?.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.pending = false;
  }

  close(): void {
    this.watcher?.close();
    this.signal?.removeEventListener('abort', this.notice);
  }

  private readonly notice = (): void => {
    this.pending = true;
    this.wake();
  };

  private open(file: string): ReturnType<typeof watch> | null {
    try {
      return watch(file, { persistent: false }, this.notice).on('error', () => undefined);
    } catch {
      return null;
    }
  }
}
