import { appendFileSync, renameSync, statSync } from 'node:fs';

const maxBytes = 1024 * 1024;

/** Appends lines to a file and keeps at most the last two MiB: the file and the one before it (`.1`). */
export class BoundedLog {
  #size: number;

  constructor(private readonly file: string | null) {
    this.#size = file === null ? 0 : sizeOf(file);
  }

  /** Writes one line with the time in front. A full disk loses the line and nothing else. */
  line(text: string): void {
    if (this.file === null) return;
    const line = `${new Date().toISOString()} ${text.replace(/[\r\n]+/g, ' ')}\n`;
    try {
      if (this.#size + line.length > maxBytes) {
        renameSync(this.file, `${this.file}.1`);
        this.#size = 0;
      }
      appendFileSync(this.file, line, { mode: 0o600 });
      this.#size += Buffer.byteLength(line);
    } catch {
      // Nowhere to say it.
    }
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
