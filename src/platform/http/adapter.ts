import type { IncomingMessage, ServerOptions } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type {
  FastifyHttpOptions,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawServerDefault,
  RouteOptions,
} from 'fastify';
import findMyWay, { type HTTPMethod } from 'find-my-way';
import { BadRequestForm, type DomainError, Invalid, Unavailable } from '../../core/errors/domain-error.js';
import type { Dialect } from '../../dialects/shared/dialect.js';
import { sendError } from './answer.js';
import { requestContext } from '../logging/request-context.js';
import { addBodyParsers } from './bodies.js';
import { limitBodyTime } from './body-time.js';
import { dialectOf, dialectOfRoute, rewriteUrl } from './mount.js';
import { RateLimiter } from './rate-limit.js';
import { requestIdOf } from './request-id.js';
import { isStopping } from './streams.js';

export interface HttpStack {
  readonly adapter: FastifyAdapter;
  /** Methods that exist for a routed path such as `/~trinity/api/agents`. */
  readonly allowed: (path: string) => readonly string[];
  /** Who tells whether a request brings a good credential, once there is somebody: it throws for one that does not. */
  readonly identifyWith: (identify: (request: FastifyRequest) => Promise<unknown>) => void;
}

/** The Fastify adapter with everything that must be there before Nest registers its routes. */
export function buildAdapter(dialects: readonly Dialect[]): HttpStack {
  const limiter = new RateLimiter();
  let identify: (request: FastifyRequest) => Promise<unknown> = () => Promise.resolve();
  const options: FastifyHttpOptions<RawServerDefault> = {
    rewriteUrl: rewriteUrl(dialects),
    genReqId: requestIdOf,
    // How long a body may take depends on what it is: see `limitBodyTime`. A head has a limit for all.
    requestTimeout: 0,
    connectionTimeout: 0,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 300 },
    bodyLimit: 1024 * 1024,
    // Only on newer Node: other upgrades (h2c) are ignored, as HTTP asks.
    http: { shouldUpgradeCallback: isWebSocket } as ServerOptions,
    frameworkErrors: (failure, request, reply) => {
      // Hooks are skipped for these, so what they would have added comes here.
      label(request, reply);
      for (const [name, value] of Object.entries(bareHeaders)) reply.raw.setHeader(name, value);
      const limited = countOne(limiter, request, reply);
      const tooLong = failure.statusCode === 414;
      const error = tooLong ? new BadRequestForm(414, 'The path is too long') : new Invalid('The URL is malformed');
      sendError(request, reply, limited ?? error);
    },
  };
  const adapter: FastifyAdapter = new FastifyAdapter(options);
  // The adapter's own first hook: a preflight is answered before ours would run.
  adapter.setOnRequestHook((request, reply, done) => {
    label(request, reply);
    requestContext.run({ requestId: request.id }, done);
  });

  const fastify: FastifyInstance = adapter.getInstance();
  fastify.server.headersTimeout = headMs;
  const allowed = watchRoutes(fastify, dialects);
  fastify.addHook('onRequest', (request, reply, done) => {
    if (isStopping(fastify.server)) {
      done(new Unavailable('The server is stopping', 'stopping', 5));
      return;
    }
    // A spelling that only the router understood must not slip past a dialect's limits and wording.
    if (!request.is404 && dialectOfRoute(request.routeOptions.url) !== (dialectOf(request)?.name ?? null)) {
      reply.callNotFound();
      return;
    }
    const limited = countOne(limiter, request, reply);
    if (limited || !request.is404 || !dialectOf(request)?.hidesRoutes) {
      done(limited);
      return;
    }
    identify(request).then(
      () => done(),
      (error: unknown) => done(error as Error),
    );
  });
  limitBodyTime(fastify);
  // A body arrives on the socket's own events, outside the context that the first hook entered.
  fastify.addHook('preValidation', (request, _reply, done) => requestContext.run({ requestId: request.id }, done));
  // An answer that keeps its connection would keep the server from closing.
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (isStopping(fastify.server)) reply.header('connection', 'close');
    done(null, payload);
  });
  addBodyParsers(fastify);
  const identifyWith: HttpStack['identifyWith'] = (found) => (identify = found);
  return { adapter, allowed, identifyWith };
}

/** How long the head of a request may take. */
const headMs = 60_000;

const bareHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
};

const isWebSocket = ({ headers }: IncomingMessage): boolean => /^websocket$/i.test(headers.upgrade ?? '');

/** On the raw response, so that streams, preflights and errors carry it too. */
function label(request: FastifyRequest, reply: FastifyReply): void {
  reply.raw.setHeader('X-Request-ID', request.id);
}

function countOne(limiter: RateLimiter, request: FastifyRequest, reply: FastifyReply): DomainError | undefined {
  const dialect = dialectOf(request);
  return dialect ? limiter.count(dialect, request, reply) : undefined;
}

/** Sets the body limit of every route, and keeps a copy of the table that can be asked "which methods exist here?". */
function watchRoutes(fastify: FastifyInstance, dialects: readonly Dialect[]): (path: string) => string[] {
  const router = findMyWay({ ignoreTrailingSlash: true, maxParamLength: 300 });
  const methods = new Set<HTTPMethod>();
  fastify.addHook('onRoute', (route: RouteOptions) => {
    const dialect = dialects.find(({ name }) => name === dialectOfRoute(route.url));
    if (!dialect) return;
    const { bodyLimit: own } = (route.config ?? {}) as { bodyLimit?: number };
    route.bodyLimit ??= own ?? dialect.bodyLimit;
    for (const method of [route.method].flat() as HTTPMethod[]) {
      methods.add(method);
      if (!router.hasRoute(method, route.url)) router.on(method, route.url, () => undefined);
    }
  });
  return (path) => [...methods].filter((method) => router.find(method, path));
}
