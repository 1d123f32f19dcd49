import 'reflect-metadata';
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AdapterOverrides } from './adapters.module.js';
import { AppModule, type AppParts } from './app.module.js';
import type { Config } from './config/config.js';
import { PublicAddress } from './core/links/public-address.js';
import { dialectsFor } from './dialects/index.js';
import { createHttpApplication } from './platform/http/application.js';
import { registerConfigSecrets } from './platform/logging/config-secrets.js';
import { QuietStartLogger } from './platform/logging/quiet-start.js';

const folder = join(__dirname, '..');

/** Version of this package. */
export const version = (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;

export interface AppOverrides extends AdapterOverrides {
  readonly logger?: LoggerService | false;
  readonly modules?: AppParts['modules'];
}

/** The whole application, from a configuration. It does not listen yet; `close()` it in any case. */
export async function createApp(
  config: Config,
  { logger, modules = [], ...overrides }: AppOverrides = {},
): Promise<NestFastifyApplication> {
  registerConfigSecrets(config);
  const dialects = dialectsFor(config);
  const root = webRoot();
  const app = await createHttpApplication(AppModule.with({ config, dialects, webRoot: root, modules, ...overrides }), {
    config,
    dialects,
    version,
    webRoot: root,
    logger: logger ?? new QuietStartLogger(config.logLevel),
  });
  const server = app.getHttpServer() as Server;
  server.once('listening', () => app.get(PublicAddress).bound((server.address() as AddressInfo).port));
  return app;
}

/** The fleet page as it was built; null before `npm run build`. */
function webRoot(): string | null {
  const built = join(folder, 'dist', 'web');
  return existsSync(join(built, 'index.html')) ? built : null;
}
