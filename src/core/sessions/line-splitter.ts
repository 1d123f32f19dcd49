import type { JournalLine } from './journal.effects.js';

/** A line longer than this is skipped: no runtime needs it, and memory must stay bounded. */
const longestLine = 12 * 1024 * 1024;

/** Cuts a followed journal into complete lines, keeping count of byte offsets. */
export class LineSplitter {
  private pieces: Buffer[] = [];
  private size = 0;
  private skipping = false;
  skipped = 0;

  /** @param offset byte offset of the first byte that will be pushed */
  constructor(private offset: number) {}

  /** Offset after the last complete line. */
  get position(): number {
    return this.offset;
  }

  push(data: Buffer): JournalLine[] {
    const lines: JournalLine[] = [];
    let from = 0;
    for (let at = data.indexOf(10, from); at >= 0; at = data.indexOf(10, from)) {
      this.keep(data.subarray(from, at));
      const end = this.offset + this.size + 1;
      if (this.skipping) this.skipped += 1;
      else lines.push({ offset: this.offset, end, text: Buffer.concat(this.pieces).toString('utf8') });
      this.offset = end;
      this.pieces = [];
      this.size = 0;
      this.skipping = false;
      from = at + 1;
    }
    this.keep(data.subarray(from));
    return lines;
  }

  private keep(piece: Buffer): void {
    this.size += piece.length;
    if (this.size > longestLine) {
      this.skipping = true;
      this.pieces = [];
    }
    if (!this.skipping && piece.length > 0) this.pieces.push(Buffer.from(piece));
  }
}
