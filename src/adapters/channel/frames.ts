/** Most bytes of data in one frame; the program on the other side refuses more. */
export const pieceBytes = 2 ** 20;
const frameBytes = pieceBytes + 2 ** 16;

/** One message on the channel: u32 length of the rest, u32 id, one byte kind, payload. */
export interface Frame {
  readonly id: number;
  readonly kind: string;
  readonly payload: Buffer;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Length and bytes. */
export function str(value: string | Buffer): Buffer {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value);
  return Buffer.concat([u32(bytes.length), bytes]);
}

/** A string that holds strings. */
export function strings(values: readonly string[]): Buffer {
  return str(Buffer.concat(values.map(str)));
}

/** Larger frames are handed on as their parts: copying them costs more than a gathered write. */
const copiedBytes = 2 ** 14;

/** A frame as the buffers it consists of. */
export function frameParts(id: number, kind: string, payload: readonly Buffer[]): readonly Buffer[] {
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  const parts = [u32(5 + length), u32(id), Buffer.from(kind, 'latin1'), ...payload];
  return length > copiedBytes ? parts : [Buffer.concat(parts)];
}

export const encodeFrame = (id: number, kind: string, payload: readonly Buffer[]): Buffer =>
  Buffer.concat(frameParts(id, kind, payload));

/** Cuts a byte stream into frames. `push` throws on a length that no honest peer sends. */
export class FrameReader {
  private parts: Buffer[] = [];
  private held = 0;
  /** Bytes needed before looking again: nothing is copied twice for a frame that comes in many pieces. */
  private needed = 4;

  push(chunk: Buffer): Frame[] {
    this.parts.push(chunk);
    this.held += chunk.length;
    if (this.held < this.needed) return [];
    let bytes = Buffer.concat(this.parts);
    const frames: Frame[] = [];
    for (;;) {
      if (bytes.length < 4) break;
      const length = bytes.readUInt32BE(0);
      if (length < 5 || length > frameBytes) throw new RangeError(`a frame of ${length} bytes`);
      if (bytes.length < 4 + length) break;
      const kind = String.fromCharCode(bytes.readUInt8(8));
      frames.push({ id: bytes.readUInt32BE(4), kind, payload: bytes.subarray(9, 4 + length) });
      bytes = bytes.subarray(4 + length);
    }
    this.parts = bytes.length ? [bytes] : [];
    this.held = bytes.length;
    this.needed = bytes.length < 4 ? 4 : 4 + bytes.readUInt32BE(0);
    return frames;
  }
}
