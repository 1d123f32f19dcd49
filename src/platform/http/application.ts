import helmet from '@fastify/helmet';
import fastifyStatic, { type FastifyStaticOptions } from '@fastify/static';
import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { DynamicModule, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../../config/config.js';
import { Authenticator } from '../../core/access/authenticator.port.js';
import type { Dialect } from '../../dialects/shared/dialect.js';
import { loadPluginMetadata } from '../openapi/plugin-metadata.js';
import { serveDocs } from '../openapi/docs.js';
import { authenticated } from './access.js';
import { buildAdapter } from './adapter.js';
import { corsOf } from './cors.js';
import { ErrorFilter } from './error.filter.js';
import { dialectOf, settlePostStatus } from './mount.js';
import { InputPipe } from './validation.pipe.js';

export interface ApplicationOptions {
  readonly config: Config;
  /** In order of priority. */
  readonly dialects: readonly Dialect[];
  readonly version: string;
  /** Folder of the web page, served at `/`; null, or a folder without an index.html: no page. */
  readonly webRoot: string | null;
  readonly logger: LoggerService | false;
}

/** Makes the HTTP application of a root module. It does not listen yet. */
export async function createHttpApplication(
  root: DynamicModule,
  options: ApplicationOptions,
): Promise<NestFastifyApplication> {
  const { config, dialects, version, logger } = options;
  dialects.forEach(settlePostStatus);
  const { adapter, allowed, identifyWith } = buildAdapter(dialects);
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    bodyParser: false,
    logger,
    abortOnError: false,
  });
  const authenticator = app.get(Authenticator, { strict: false });
  identifyWith((request) => authenticated(authenticator, request));
  const page = options.webRoot && existsSync(join(options.webRoot, 'index.html')) ? 'index.html' : null;

  app.enableCors(corsOf(config) as unknown as Parameters<typeof app.enableCors>[0]);
  await addSecurityHeaders(app, config);
  if (options.webRoot && page) {
    await app.register(fastifyStatic, {
      root: options.webRoot,
      prefix: '/',
      wildcard: false,
      ...caching(options.webRoot),
    });
  }
  app.useGlobalPipes(new InputPipe());
  app.useGlobalFilters(new ErrorFilter({ allowed, page }));
  await loadPluginMetadata();
  serveDocs(app, dialects, version);
  return app;
}

/** Files with a hash in their name never change; everything else is asked for again each time. */
function caching(root: string): Pick<FastifyStaticOptions, 'cacheControl' | 'setHeaders'> {
  const assets = join(root, 'assets') + sep;
  return {
    cacheControl: false,
    setHeaders: (reply, file) => {
      const hashed = file.startsWith(assets);
      void reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      // A sandboxed page has no origin, so that its own scripts come from elsewhere. They are the same for everybody.
      if (hashed) void reply.header('access-control-allow-origin', '*');
    },
  };
}

async function addSecurityHeaders(app: NestFastifyApplication, config: Config): Promise<void> {
  const policy = {
    defaultSrc: ["'self'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    objectSrc: ["'none'"],
    baseUri: ["'self'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  };
  const secure = config.publicUrl.startsWith('https:');
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: policy },
    frameguard: { action: 'deny' },
    hsts: secure,
    // Browsers ignore it on plain http, with a warning on every page.
    crossOriginOpenerPolicy: secure,
  });
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.addHook('onSend', (request, reply, payload, done) => {
    for (const [name, value] of Object.entries(dialectOf(request)?.headers ?? {})) {
      if (value === null) reply.removeHeader(name);
      else reply.header(name, value);
    }
    // Swagger UI's page carries its own small style sheet inline.
    if (request.routeOptions.url?.startsWith('/docs')) {
      const header = String(reply.getHeader('content-security-policy') ?? '');
      reply.header('content-security-policy', header.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'"));
    }
    done(null, payload);
  });
}
