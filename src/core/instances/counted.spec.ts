import { Readable } from 'node:stream';
import { counted } from './counted.js';

const pieces = (...sizes: number[]): AsyncIterable<Buffer> => Readable.from(sizes.map((size) => Buffer.alloc(size)));

describe('counted bytes', () => {
  it.each([
    [[], 0],
    [[0], 0],
    [[4, 6], 10],
  ])('%j up to the limit', async (sizes, size) => {
    let seen = 0;
    let got = 0;
    for await (const piece of counted(pieces(...sizes), 10, (sum) => (seen = sum))) got += piece.length;
    expect([seen, got]).toEqual([size, size]);
  });

  it.each([[[11]], [[4, 6, 1]], [[10, 2 ** 20]]])('%j past it', async (sizes) => {
    let got = 0;
    const read = async (): Promise<void> => {
      for await (const piece of counted(pieces(...sizes), 10, () => undefined)) got += piece.length;
    };
    await expect(read()).rejects.toMatchObject({ status: 413 });
    expect(got).toBeLessThanOrEqual(10);
  });
});
