import type { Config } from '../../config/config.js';
import { BadRequestForm, type DomainError, type ErrorKind, Invalid } from '../../core/errors/domain-error.js';
import type { Dialect, RenderedError } from '../shared/dialect.js';
import { errorHeaders } from '../shared/error-headers.js';
import { TalkModule } from './talk.module.js';

const statuses: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 404,
  forbidden: 404,
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
/** What a visitor may not do, and what is not there, look alike. */
const nothing: RenderedError = { status: 404, body: { error: 'There is nothing here', code: 'not_found' } };

/** Pages where people without an account talk to an agent: whoever has an address has the access it carries. */
export const talk = ({ embedOrigins }: Pick<Config, 'embedOrigins'>): Dialect => ({
  name: 'talk',
  title: 'Agent and session pages',
  description:
    'What the pages behind the addresses of agents and conversations speak. An address carries the access: there is no other credential. ' +
    'Whatever an address gives no right to answers 404.',
  module: TalkModule,
  claims: [{ prefix: '/a' }, { prefix: '/s' }],
  created: 200,
  bodyLimit: 1024 * 1024,
  // A sandboxed page has no origin of its own, so its calls come from elsewhere. No cookie and no sign-in goes along.
  cors: { credentials: false, anyOrigin: true, methods: ['GET', 'POST'], headers: ['Content-Type', 'Last-Event-ID'] },
  rateLimit: { requests: 600, seconds: 60, by: addressIn },
  auth: { kind: 'none' },
  credential: () => null,
  headers: headersOf(embedOrigins),
  renderError: render,
});

function render(error: DomainError): RenderedError {
  const headers = errorHeaders(error);
  if (error.code === 'agent_not_running') return { status: 400, body: bodyOf(error), headers };
  const status = error instanceof BadRequestForm ? error.status : statuses[error.kind];
  // A path that knows other methods than the one used gives no right to it either.
  if (status === 404 || status === 405) return nothing;
  return { status, body: bodyOf(error), headers };
}

function bodyOf(error: DomainError): object {
  const issues = error instanceof Invalid && error.issues.length > 0 ? { issues: error.issues } : {};
  return { error: error.message, code: error.code, ...issues };
}

/** Visitors are told apart by the address they came to: many may share one network. */
function addressIn(path: string): string | null {
  return /\/[as]\/([\w-]{48})(?![\w-])/.exec(path)?.[1] ?? null;
}

/**
 * What an agent writes is shown on a page without an origin: no script in it, whatever it were, could reach a sign-in, a cookie or
 * the page around it. It loads nothing from elsewhere, and its address is in no referrer.
 */
function headersOf(origins: readonly string[]): Readonly<Record<string, string | null>> {
  const policy = [
    'sandbox allow-scripts allow-forms',
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${origins.length === 0 ? '*' : origins.join(' ')}`,
  ];
  return {
    'content-security-policy': policy.join('; '),
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    'x-robots-tag': 'noindex, nofollow',
    'cross-origin-resource-policy': 'cross-origin',
    // A page without an origin may not ask for a group of its own, nor be kept out of frames.
    'cross-origin-opener-policy': null,
    'origin-agent-cluster': null,
    'x-frame-options': null,
  };
}
