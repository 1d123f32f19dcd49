import type { Readable, Writable } from 'node:stream';

const headBytes = 8;
const stderrStream = 2;

/**
 * Takes the engine's multiplexed output apart (8 bytes head: stream number, length) with back-pressure: nothing more is read
 * while a receiver is full. Does not end the receivers; the caller knows when the source is over.
 */
export function demux(source: Readable, stdout: Writable, stderr: Writable): void {
  let rest: Buffer = Buffer.alloc(0);
  let left = 0;
  let target = stdout;
  const full = new Set<Writable>();

  const deliver = (part: Buffer): void => {
    if (part.length === 0 || target.destroyed || target.write(part) || full.has(target)) return;
    const receiver = target;
    full.add(receiver);
    source.pause();
    const freed = (): void => {
      receiver.off('drain', freed).off('close', freed);
      if (full.delete(receiver) && full.size === 0) source.resume();
    };
    receiver.on('drain', freed).on('close', freed);
  };

  source.on('data', (chunk: Buffer) => {
    let bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    rest = Buffer.alloc(0);
    while (bytes.length > 0) {
      if (left === 0) {
        if (bytes.length < headBytes) {
          rest = Buffer.from(bytes);
          return;
        }
        target = bytes[0] === stderrStream ? stderr : stdout;
        left = bytes.readUInt32BE(4);
        bytes = bytes.subarray(headBytes);
        continue;
      }
      const part = bytes.subarray(0, left);
      left -= part.length;
      bytes = bytes.subarray(part.length);
      deliver(part);
    }
  });
}
