import { createAgent, type Manager } from './product.js';
import { inParallel, range } from './numbers.js';

/** Makes running agents `<prefix>-1` ... on the local engine (real processes), as many as are missing. */
export async function runningAgents(client: Manager, prefix: string, count: number): Promise<string[]> {
  const names = range(count).map((index) => `${prefix}-${index + 1}`);
  const there = new Set(client.dialect.names(await client.ok(client.dialect.list())));
  const missing = names.filter((name) => !there.has(name));
  await inParallel(missing, 4, (name) => createAgent(client, name, 'scripted'));
  return names;
}

export async function removeAgents(client: Manager, names: readonly string[]): Promise<void> {
  await inParallel(names, 4, (name) => client.ok(client.dialect.remove(name)));
}
