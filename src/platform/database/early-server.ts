import type { Config } from '../../config/config.js';
import { EmbeddedServer } from './embedded-server.js';

type DatabaseConfig = Pick<Config, 'databaseUrl' | 'dataDir'>;

let early: { readonly dataDir: string; readonly server: EmbeddedServer } | null = null;

/**
 * Lets the embedded database start in its thread while the rest of the program is still being loaded, which takes about as
 * long. What goes wrong is told to whoever opens it.
 */
export function startEarly({ databaseUrl, dataDir }: DatabaseConfig): void {
  if (databaseUrl) return;
  const server = new EmbeddedServer(dataDir);
  server.start().catch(() => undefined);
  early = { dataDir, server };
}

/** The embedded server of a data folder: the one that was started early, for whoever asks first. */
export function serverFor(dataDir: string): EmbeddedServer {
  const found = early?.dataDir === dataDir ? early.server : new EmbeddedServer(dataDir);
  early = null;
  return found;
}
