import { BadRequestForm, type DomainError, type ErrorKind, Invalid } from '../../core/errors/domain-error.js';
import { bearerOf } from '../shared/credentials.js';
import type { Dialect, RenderedError } from '../shared/dialect.js';
import { errorHeaders } from '../shared/error-headers.js';
import { ConsoleModule } from './console.module.js';

const statuses: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  hidden: 404,
  not_found: 404,
  conflict: 409,
  wrong_state: 409,
  limit: 429,
  upstream: 502,
  unavailable: 503,
  timeout: 504,
  internal: 500,
  request: 400,
};

/** Our own routes, reached under `/~console` only. */
export const consoleDialect: Dialect = {
  name: 'console',
  title: 'Flotilla console',
  description: 'What no published API covers: approvals, questions, and how an agent asks for them.',
  module: ConsoleModule,
  claims: [{ prefix: '/~console' }],
  created: 200,
  bodyLimit: 1024 * 1024,
  cors: { credentials: true, methods: ['GET', 'POST', 'PUT', 'DELETE'], headers: ['Authorization', 'Content-Type'] },
  auth: { kind: 'password', tokenUrl: '/token' },
  credential: bearerOf,
  renderError: render,
};

function render(error: DomainError): RenderedError {
  const issues = error instanceof Invalid && error.issues.length > 0 ? { issues: error.issues } : {};
  const status = error instanceof BadRequestForm ? error.status : statuses[error.kind];
  return {
    status,
    body: { error: { code: error.code, message: error.message, ...issues } },
    headers: errorHeaders(error),
  };
}
