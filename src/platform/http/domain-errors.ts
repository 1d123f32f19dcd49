import { HttpException } from '@nestjs/common';
import {
  BadRequestForm,
  DomainError,
  Forbidden,
  Invalid,
  LimitReached,
  NotFound,
  Unauthenticated,
  Unavailable,
  Unexpected,
} from '../../core/errors/domain-error.js';
import { fromOutside } from '../../core/errors/outside.js';

/** Whatever was thrown, as something a dialect can word. `url` names the route that was missed. */
export function toDomainError(thrown: unknown, url: string): DomainError {
  if (thrown instanceof DomainError) return thrown;
  const outside = fromOutside(thrown);
  if (outside) return outside;
  if (thrown instanceof HttpException) return fromStatus(thrown.getStatus(), thrown.message, thrown, url);
  // Fastify and its plugins throw inside handlers too; Nest maps only those of its own hooks and parsers.
  const { name, statusCode, message } = fieldsOf(thrown);
  if (name === 'FastifyError' && typeof statusCode === 'number' && statusCode < 500) {
    return fromStatus(statusCode, typeof message === 'string' ? message : 'Bad request', thrown, url);
  }
  if (isDatabaseLoss(thrown)) {
    return new Unavailable('The database is not available', 'database_unavailable', 2, { cause: thrown });
  }
  if (holdsNul(thrown)) return new Invalid('Text must not contain the NUL character', [], 'nul_character');
  return new Unexpected(thrown);
}

/** PostgreSQL stores every character but NUL; wherever one was sent, the statement that carries it fails. */
function holdsNul(thrown: unknown): boolean {
  const { code, driverError } = fieldsOf(thrown);
  if (code === '22021' || code === '22P05') return true;
  return driverError !== undefined && driverError !== thrown && holdsNul(driverError);
}

function fromStatus(status: number, message: string, thrown: unknown, url: string): DomainError {
  switch (status) {
    case 400:
      return new Invalid(message);
    case 401:
      return new Unauthenticated();
    case 403:
      return new Forbidden(message);
    case 404:
      return new NotFound('route', url);
    case 413:
      return new BadRequestForm(413, 'The request body is too large');
    case 429:
      return new LimitReached(message);
    case 503:
      return new Unavailable(message);
    default:
      return status < 500 ? new BadRequestForm(status, message) : new Unexpected(thrown);
  }
}

const lostCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '53300', // too_many_connections
]);
const lostWords =
  /connection terminated|connection ended|client has encountered a connection error|database (worker|is closed)/i;

/** True when the database went away, as its driver says it; TypeORM wraps that in `driverError`. */
export function isDatabaseLoss(thrown: unknown): boolean {
  const { code, message, driverError } = fieldsOf(thrown);
  if (typeof code === 'string' && (lostCodes.has(code) || /^08...$/.test(code))) return true;
  if (typeof message === 'string' && lostWords.test(message)) return true;
  return driverError !== undefined && driverError !== thrown && isDatabaseLoss(driverError);
}

const fieldsOf = (thrown: unknown): Readonly<Record<string, unknown>> =>
  typeof thrown === 'object' && thrown !== null ? (thrown as Record<string, unknown>) : {};
