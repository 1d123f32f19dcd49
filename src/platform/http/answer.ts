import type { FastifyReply, FastifyRequest } from 'fastify';
import { type DomainError, BadRequestForm } from '../../core/errors/domain-error.js';
import type { RenderedError } from '../../dialects/shared/dialect.js';
import { dialectOf } from './mount.js';

/** Words for a request that no dialect claimed. */
export function plainError(error: DomainError): RenderedError {
  if (error instanceof BadRequestForm)
    return { status: error.status, body: `${error.message}\n`, headers: error.headers };
  const status = { not_found: 404, hidden: 404, unauthenticated: 401, forbidden: 403, unavailable: 503, limit: 429 };
  const known = (status as Partial<Record<string, number>>)[error.kind];
  return { status: known ?? (error.kind === 'invalid' ? 400 : 500), body: `${error.message}\n` };
}

/** Sends an error in the words of the request's dialect. */
export function sendError(request: FastifyRequest, reply: FastifyReply, error: DomainError): void {
  const { status, body, headers } = dialectOf(request)?.renderError(error) ?? plainError(error);
  const carried = error instanceof BadRequestForm ? error.headers : {};
  // `@Header` of a stream was set before it failed, and would mislabel the error.
  reply.removeHeader('content-disposition').removeHeader('content-length');
  reply.code(status).headers({ ...carried, ...headers });
  if (typeof body === 'string') void reply.type('text/plain; charset=utf-8').send(body);
  else void reply.type('application/json; charset=utf-8').send(body);
}
