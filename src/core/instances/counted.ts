import { BadRequestForm } from '../errors/domain-error.js';

/** Passes bytes on and tells how many there were so far. Throws 413 in place of the piece that goes past the limit. */
export async function* counted(
  data: AsyncIterable<Buffer>,
  most: number,
  onSize: (bytes: number) => void,
): AsyncGenerator<Buffer, void, undefined> {
  let size = 0;
  for await (const piece of data) {
    size += piece.length;
    if (size > most) throw new BadRequestForm(413, `The file is larger than ${most / 2 ** 20} MB`);
    onSize(size);
    yield piece;
  }
}
