import {
  BadRequestForm,
  type DomainError,
  type ErrorKind,
  Hidden,
  Invalid,
  type Issue,
  NotFound,
} from '../../core/errors/domain-error.js';
import type { RenderedError } from '../shared/dialect.js';
import { errorHeaders } from '../shared/error-headers.js';
import { publicIdOf } from './words.js';

/** Words for what is wrong with a request (contract 1.3). Whatever else is, is told in the sentence. */
const inputWords: ReadonlySet<string> = new Set([
  'invalid_json',
  'invalid_request',
  'invalid_reply',
  'invalid_answers',
  'file_missing',
  'file_type_not_allowed',
  'file_too_large',
  'storage_limit',
]);

const byKind: Readonly<Record<ErrorKind, { readonly status: number; readonly code?: string }>> = {
  invalid: { status: 400 },
  unauthenticated: { status: 401, code: 'unauthorized' },
  forbidden: { status: 403, code: 'forbidden' },
  hidden: { status: 404 },
  not_found: { status: 404 },
  // It changed meanwhile.
  conflict: { status: 400, code: 'invalid_state' },
  wrong_state: { status: 400, code: 'invalid_state' },
  limit: { status: 429, code: 'rate_limited' },
  upstream: { status: 502, code: 'agent_unreachable' },
  unavailable: { status: 503 },
  timeout: { status: 503, code: 'start_failed' },
  internal: { status: 500, code: 'internal_error' },
  request: { status: 400, code: 'invalid_request' },
};

/** Where one case of a kind is answered in another way than the rest of it (contract 1.3). By our own code for it. */
const byCode: Readonly<Record<string, { readonly status: number; readonly code?: string; readonly error?: string }>> = {
  answer_does_not_fit: { status: 400, code: 'invalid_answers' },
  question_invalid: { status: 502 },
  write_failed: { status: 502 },
  agent_not_running: { status: 400, error: 'Agent is not running' },
  permission_missing: { status: 403, code: 'forbidden', error: 'A token cannot do this: sign in as a user' },
  agent_deleted: { status: 404, code: 'agent_not_found', error: 'Agent not found' },
  // Whoever waits for a start or stop that somebody else has turned back.
  stopped_meanwhile: { status: 503, code: 'start_failed' },
  started_meanwhile: { status: 503, code: 'stop_failed' },
  start_failed: { status: 503 },
  stop_failed: { status: 503 },
  group_exists: { status: 409, code: 'scope_exists', error: 'A scope with this name exists already' },
  group_deleted: { status: 404, code: 'scope_not_found', error: 'Scope not found' },
  group_conflict: { status: 400, code: 'invalid_request', error: 'scopeId and scope mean different scopes: give one' },
  too_many_secrets: { status: 400, code: 'invalid_request' },
  // Whatever this API asks of an engine that is away, it asks for an agent; lifecycle.ts says what of it failed.
  engine_unavailable: { status: 502, code: 'agent_unreachable' },
  engine_unreachable: { status: 502, code: 'agent_unreachable' },
  not_owner: { status: 404, code: 'agent_not_found', error: 'Agent not found among those that are yours' },
  instance_timeout: { status: 503, code: 'start_failed' },
  running_limit: { status: 503, code: 'concurrency_cap' },
};

/** What an unknown thing is called here, where its code is not its name and `_not_found`. */
const things: Readonly<Record<string, string>> = {
  key: 'token',
  group: 'scope',
  approval: 'permission',
  request: 'permission',
};

/** `{"error": sentence, "code": word}`, and what else is worth knowing (contract 1.3). */
export function render(error: DomainError): RenderedError {
  const special = byCode[error.code];
  const { status, code = codeOf(error) } = special ?? byKind[error.kind];
  const headers = errorHeaders(error);
  if (error instanceof Hidden || error instanceof NotFound) return { status, body: missing(error.what), headers };
  if (error.kind === 'unauthenticated') return { status, body: body('Invalid or missing API token', code), headers };
  if (error instanceof BadRequestForm) return { status: statusOf(error), body: body(error.message, code), headers };
  const agentId = error.details?.['agentId'];
  const more = { ...(typeof agentId === 'string' ? { agentId: publicIdOf(agentId) } : {}), ...fieldOf(error) };
  return { status, body: { ...body(special?.error ?? sentenceOf(error), code), ...more }, headers };
}

const body = (error: string, code: string): { error: string; code: string } => ({ error, code });

/** A body of another type than JSON, or one too large, is an invalid request here. */
const statusOf = ({ status }: BadRequestForm): number => (status === 413 || status === 415 ? 400 : status);

const codeOf = ({ kind, code }: DomainError): string =>
  kind === 'invalid' && !inputWords.has(code) ? 'invalid_request' : code;

function missing(what: string): { error: string; code: string } {
  const name = things[what] ?? what;
  const words = name.replaceAll('_', ' ');
  return body(`${words.charAt(0).toUpperCase()}${words.slice(1)} not found`, `${name}_not_found`);
}

const issuesOf = (error: DomainError): readonly Issue[] =>
  error instanceof Invalid ? ((error.details?.['issues'] ?? []) as readonly Issue[]) : [];

function fieldOf(error: DomainError): { field?: string } {
  const field = issuesOf(error)[0]?.field;
  return field ? { field } : {};
}

function sentenceOf(error: DomainError): string {
  const [issue] = issuesOf(error);
  if (!issue) return error.message;
  return issue.type === 'missing' ? `${issue.field} is required` : issue.message;
}
