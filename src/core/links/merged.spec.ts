import { merged } from './merged.js';

async function* numbers(from: number, to: number): AsyncGenerator<number, void, undefined> {
  for (let n = from; n <= to; n += 1) yield await Promise.resolve(n);
}

/** Yields once, then waits until it is told to end. */
async function* waiting(end: AbortSignal, log: string[]): AsyncGenerator<number, void, undefined> {
  try {
    yield 100;
    await new Promise<void>((resolve) => end.addEventListener('abort', () => resolve(), { once: true }));
  } finally {
    log.push('ended');
  }
}

describe('merged', () => {
  it('hands out what comes, in the order of each source, until one of them ends', async () => {
    const end = new AbortController();
    const log: string[] = [];
    const seen: number[] = [];
    for await (const n of merged([numbers(1, 5), waiting(end.signal, log)], () => end.abort())) seen.push(n);
    expect(seen.filter((n) => n < 100)).toEqual([1, 2, 3, 4, 5]);
    expect(seen.filter((n) => n === 100)).toEqual([100]);
    expect(log).toEqual(['ended']);
  });

  it('ends every source when the reader leaves', async () => {
    const end = new AbortController();
    const log: string[] = [];
    for await (const n of merged([waiting(end.signal, log), waiting(end.signal, log)], () => end.abort())) {
      if (n === 100) break;
    }
    expect(log).toEqual(['ended', 'ended']);
  });

  it('passes a failure on, and ends the others', async () => {
    const end = new AbortController();
    const log: string[] = [];
    async function* failing(): AsyncGenerator<number, void, undefined> {
      yield await Promise.resolve(1);
      throw new Error('broke');
    }
    const read = async (): Promise<void> => {
      for await (const n of merged([waiting(end.signal, log), failing()], () => end.abort())) log.push(String(n));
    };
    await expect(read()).rejects.toThrow('broke');
    expect(log.at(-1)).toBe('ended');
  });
});
