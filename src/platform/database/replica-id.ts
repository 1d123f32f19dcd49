import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names a server among those that share a database, the same over its restarts: one process at a time has the lock on a
 * data folder. Nothing is stored, so that a copied folder is another server.
 */
export function replicaIdOf(dataDir: string): string {
  const { dev, ino } = statSync(dataDir);
  const place = [hostname(), realpathSync(dataDir), dev, ino].join('\0');
  return createHash('sha256').update(place).digest('hex').slice(0, 16);
}
