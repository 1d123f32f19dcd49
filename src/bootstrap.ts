import 'reflect-metadata';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AdapterOverrides } from './adapters.module.js';
import { AppModule, type AppParts } from './app.module.js';
import type { Config } from './config/config.js';
import { dialectsFor } from './dialects/index.js';
import { createHttpApplication } from './platform/http/application.js';
import { registerConfigSecrets } from './platform/logging/config-secrets.js';
import { QuietStartLogger } from './platform/logging/quiet-start.js';

const root = join(__dirname, '..');

/** Version of this package. */
export const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;

export interface AppOverrides extends AdapterOverrides {
  readonly logger?: LoggerService | false;
  readonly modules?: AppParts['modules'];
}

/** The whole application, from a configuration. It does not listen yet; `close()` it in any case. */
export function createApp(
  config: Config,
  { logger, modules = [], ...overrides }: AppOverrides = {},
): Promise<NestFastifyApplication> {
  registerConfigSecrets(config);
  const dialects = dialectsFor(config);
  return createHttpApplication(AppModule.with({ config, dialects, modules, ...overrides }), {
    config,
    dialects,
    version,
    webRoot: webRoot(),
    logger: logger ?? new QuietStartLogger(config.logLevel),
  });
}

/** The fleet page as it was built; null before `npm run build`. */
function webRoot(): string | null {
  const folder = join(root, 'dist', 'web');
  return existsSync(join(folder, 'index.html')) ? folder : null;
}
