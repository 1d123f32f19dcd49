import type { Config } from '../../config/config.js';
import {
  BadRequestForm,
  type DomainError,
  type ErrorKind,
  Hidden,
  Invalid,
  type Issue,
  LimitReached,
  NotFound,
  Upstream,
} from '../../core/errors/domain-error.js';
import { bearerOf } from '../shared/credentials.js';
import type { Dialect, RenderedError } from '../shared/dialect.js';
import { errorHeaders } from '../shared/error-headers.js';
import { TrinityModule } from './trinity.module.js';

const statuses: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  hidden: 403,
  not_found: 404,
  conflict: 409,
  wrong_state: 400,
  limit: 429,
  upstream: 500,
  unavailable: 503,
  timeout: 504,
  internal: 500,
  request: 400,
};

/** The Trinity Agents API. */
export const trinity = ({ trinity: settings }: Pick<Config, 'trinity'>): Dialect => ({
  name: 'trinity',
  title: 'Trinity Agents API',
  description: 'Agents by name: sign-in, create, run, files, logs and chat.',
  module: TrinityModule,
  claims: ['/token', '/api', '/ws', '/openapi.json', '/health'].map((prefix) => ({ prefix })),
  created: 200,
  bodyLimit: 25 * 1024 * 1024,
  cors: {
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'],
    headers: ['Authorization', 'Content-Type', 'X-Source-Agent', 'Accept'],
  },
  auth: { kind: 'password', tokenUrl: '/token' },
  credential: bearerOf,
  renderError: (error) => render(error, settings.uniform404),
});

function render(error: DomainError, uniform404: boolean): RenderedError {
  if (error instanceof Invalid && error.issues.length > 0) {
    return { status: 422, body: { detail: error.issues.map(issueView) } };
  }
  const hidden = error instanceof Hidden && (uniform404 || error.what !== 'agent');
  const status = error instanceof BadRequestForm ? error.status : hidden ? 404 : statuses[error.kind];
  const detail = detailOf(error, uniform404);
  const reason = error instanceof Upstream ? error.details?.['reason'] : undefined;
  return { status, body: typeof reason === 'string' ? { detail, reason } : { detail }, headers: errorHeaders(error) };
}

function detailOf(error: DomainError, uniform404: boolean): string | object {
  if (error instanceof Hidden && error.what === 'agent' && !uniform404) {
    return "You don't have permission to access this agent";
  }
  if (error instanceof NotFound && error.what === 'share')
    return `No sharing found for ${String(error.details?.['ref'])}`;
  if (error instanceof Hidden || error instanceof NotFound) return missing(error.what);
  if (error instanceof LimitReached && error.code === 'queue_full') return fullQueue(error);
  if (error.code === 'timeout_below_schedules') {
    return { error: 'agent_timeout_below_active_schedules', message: error.message, ...error.details };
  }
  if (error.code === 'engine_unreachable') return 'Docker is not available';
  return error.message;
}

/** What clients read to wait and try again. */
function fullQueue({ details, message, retryAfterSeconds }: LimitReached): object {
  return { error: 'Agent queue is full', ...details, retry_after: retryAfterSeconds, message };
}

function missing(what: string): string {
  if (what === 'route' || what === 'socket') return 'Not Found';
  const words = what.replaceAll('_', ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} not found`;
}

function issueView({ place = 'body', field, message, type = 'value_error' }: Issue): object {
  const steps = field === '' ? [] : field.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  return { loc: [place, ...steps], msg: message, type };
}
