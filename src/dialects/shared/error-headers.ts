import { type DomainError, LimitReached, Unavailable } from '../../core/errors/domain-error.js';

/** Headers HTTP asks for with an error: how to authenticate, when to come back. For dialects that use bearer tokens. */
export function errorHeaders(error: DomainError): Record<string, string> {
  if (error.kind === 'unauthenticated') return { 'www-authenticate': 'Bearer' };
  if (!(error instanceof LimitReached || error instanceof Unavailable)) return {};
  return error.retryAfterSeconds === null ? {} : { 'retry-after': String(error.retryAfterSeconds) };
}
