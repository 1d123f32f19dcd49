import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_GUARD, RouterModule } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConfigModule } from '../../src/config/config.module.js';
import { loadConfig } from '../../src/config/environment.js';
import { Authenticator, type Credential } from '../../src/core/access/authenticator.port.js';
import { type Permission, permissions, type Principal } from '../../src/core/access/principal.js';
import { BadRequestForm, Invalid } from '../../src/core/errors/domain-error.js';
import { bearerOf } from '../../src/dialects/shared/credentials.js';
import type { Dialect } from '../../src/dialects/shared/dialect.js';
import { AccessGuard } from '../../src/platform/http/access.js';
import { createHttpApplication } from '../../src/platform/http/application.js';
import { HttpModule } from '../../src/platform/http/http.module.js';
import { OpenApiModule } from '../../src/platform/openapi/openapi.module.js';

/** A caller with exactly these permissions. */
export function caller(username: string, held: readonly Permission[] = permissions): Principal {
  return {
    userId: username,
    username,
    email: null,
    role: 'user',
    orgId: 'o1',
    orgIds: ['o1'],
    permissions: new Set(held),
    via: { kind: 'login', jti: 'j1', expiresAt: new Date(8.64e15) },
  };
}

/** Knows the tokens `good` (everything) and `reader` (reading only). */
export class TwoTokens extends Authenticator {
  override authenticate({ value }: Credential): Promise<Principal | null> {
    if (value === 'good') return Promise.resolve(caller('ann'));
    return Promise.resolve(value === 'reader' ? caller('bob', ['agents:read']) : null);
  }
}

/** A dialect whose errors show everything: `{kind, code, message, issues}` with one status per kind. */
export function sampleDialect(name: string, module: Type, extra: Partial<Dialect> = {}): Dialect {
  const statuses: Partial<Record<string, number>> = {
    unauthenticated: 401,
    forbidden: 403,
    hidden: 404,
    not_found: 404,
    limit: 429,
    upstream: 502,
    unavailable: 503,
    internal: 500,
  };
  return {
    name,
    title: `${name} API`,
    description: '',
    module,
    claims: [{ prefix: `/${name}` }],
    created: 200,
    bodyLimit: 64 * 1024,
    cors: { credentials: true, methods: ['GET', 'POST'], headers: ['Authorization'] },
    auth: { kind: 'bearer' },
    credential: bearerOf,
    renderError: (error) => ({
      status: error instanceof BadRequestForm ? error.status : (statuses[error.kind] ?? 400),
      body: {
        dialect: name,
        kind: error.kind,
        code: error.code,
        message: error.message,
        ...(error instanceof Invalid && error.issues.length > 0 ? { issues: error.issues } : {}),
      },
    }),
    ...extra,
  };
}

@Module({})
class SampleRoot {}

export interface SampleApp {
  readonly app: NestFastifyApplication;
  /** Address it listens on, such as `http://127.0.0.1:40123`. */
  readonly url: string;
  close(): Promise<void>;
}

/** HTTP machinery alone, on a port of its own: no database, no engine. */
export async function listenWith(
  dialects: readonly Dialect[],
  options: { readonly webRoot?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<SampleApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'flotilla-http-'));
  const config = loadConfig({ FLOTILLA_DATA_DIR: dataDir, ...options.env });
  const root: DynamicModule = {
    module: SampleRoot,
    imports: [
      ConfigModule.with(config),
      HttpModule.with(dialects),
      OpenApiModule,
      ...dialects.map(({ module }) => module),
      RouterModule.register(dialects.map(({ name, module }) => ({ path: `~${name}`, module }))),
    ],
    providers: [
      { provide: Authenticator, useClass: TwoTokens },
      { provide: APP_GUARD, useClass: AccessGuard },
    ],
  };
  const app = await createHttpApplication(root, {
    config,
    dialects,
    version: '0.0.0-test',
    webRoot: options.webRoot ?? null,
    logger: false,
  });
  await app.listen(0, '127.0.0.1');
  return {
    app,
    url: await app.getUrl(),
    close: async () => {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
