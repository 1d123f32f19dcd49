import { readFile } from 'node:fs/promises';

/** Reference: the counters of containers, read from the kernel's files (version 1 or 2) with nothing around it. */
export async function readCounters(ids: readonly string[]): Promise<number> {
  const root = '/sys/fs/cgroup';
  const v1 = (id: string): string[] => [
    `${root}/cpuacct/docker/${id}/cpuacct.usage`,
    `${root}/memory/docker/${id}/memory.usage_in_bytes`,
    `${root}/memory/docker/${id}/memory.stat`,
  ];
  const v2 = (id: string): string[] =>
    ['cpu.stat', 'memory.current', 'memory.stat'].map((file) => `${root}/system.slice/docker-${id}.scope/${file}`);
  let seen = 0;
  for (const id of ids) {
    const read = (files: readonly string[]): Promise<string[] | null> =>
      Promise.all(files.map((file) => readFile(file, 'utf8'))).catch(() => null);
    if ((await read(v1(id))) ?? (await read(v2(id)))) seen += 1;
  }
  return seen;
}
