import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface Memory {
  /** Objects; buffers and what libraries keep beside them; the whole process. MiB. */
  readonly heap: number;
  readonly external: number;
  readonly whole: number;
}

/** In use after a collection. */
export function usedMemory(): Memory {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed / 2 ** 20, external: external / 2 ** 20, whole: rss / 2 ** 20 };
}

export function growthSince(before: Memory | null): Memory {
  const now = usedMemory();
  const by = (part: keyof Memory): number => Math.round((now[part] - (before ?? now)[part]) * 10) / 10;
  return { heap: by('heap'), external: by('external'), whole: by('whole') };
}
