import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type {} from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BadRequestForm, type DomainError, NotFound } from '../../core/errors/domain-error.js';
import { sendError } from './answer.js';
import { toDomainError } from './domain-errors.js';
import { dialectOf, sentUrl } from './mount.js';

/** What the filter knows about the server: the methods of a path, and whether there is a page to show. */
export interface Surroundings {
  allowed(path: string): readonly string[];
  readonly page: string | null;
}

/** The only place where an error becomes bytes: normalise, log what is ours to fix, let the dialect word it. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger(ErrorFilter.name);

  constructor(private readonly surroundings: Surroundings) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const missed = isMissed(request, thrown);
    const error = missed ? this.missedError(request) : toDomainError(thrown, sentUrl(request));
    this.log(error, request);
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (missed && this.surroundings.page && wantsPage(request)) {
      void reply.code(200).sendFile(this.surroundings.page);
      return;
    }
    sendError(request, reply, error);
  }

  private missedError(request: FastifyRequest): DomainError {
    const allow = this.surroundings.allowed(request.raw.url?.split('?', 1)[0] ?? '');
    if (allow.length === 0 || allow.includes(request.method)) return new NotFound('route', sentUrl(request));
    return new BadRequestForm(405, 'Method Not Allowed', { allow: allow.join(', ') });
  }

  private log(error: DomainError, request: FastifyRequest): void {
    const route = `${request.method} ${routeOf(request)}`;
    const cause = error.cause instanceof Error ? [error.cause] : [];
    if (error.kind === 'internal') this.logger.error(`${route} failed`, ...cause);
    else if (error.kind === 'upstream' || error.kind === 'unavailable') {
      this.logger.warn(`${route}: ${error.message}`, ...cause);
    }
  }
}

/** The route's pattern, never the URL: a query may carry a token. */
const routeOf = (request: FastifyRequest): string => request.routeOptions.url ?? '(no route)';

/** A hook may fail on a missed route too (429), so both must hold. */
const isMissed = (request: FastifyRequest, thrown: unknown): boolean =>
  request.is404 && thrown instanceof HttpException && thrown.getStatus() === 404;

const wantsPage = (request: FastifyRequest): boolean =>
  !dialectOf(request) &&
  (request.method === 'GET' || request.method === 'HEAD') &&
  (request.headers.accept ?? '').includes('text/html');
