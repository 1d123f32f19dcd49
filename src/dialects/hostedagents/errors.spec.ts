import {
  BadRequestForm,
  Conflict,
  type DomainError,
  Forbidden,
  Hidden,
  Invalid,
  LimitReached,
  NotFound,
  TimedOut,
  Unavailable,
  Unexpected,
  Upstream,
  WrongState,
} from '../../core/errors/domain-error.js';
import { render } from './errors.js';

const why = 'Because of this';

/** The codes of contract 1.3, and what each is made of; the sentence says what the code does not. */
it.each<[string, DomainError, number, string]>([
  ['a rule of ours', new Invalid(why, [], 'message_too_long'), 400, 'invalid_request'],
  ['NUL in a text', new Invalid(why, [], 'nul_character'), 400, 'invalid_request'],
  ['no runtime that can', new Invalid(why, [], 'no_runtime'), 400, 'invalid_request'],
  ['a word of the contract', new Invalid(why, [], 'file_too_large'), 400, 'file_too_large'],
  ['answers that do not fit', new Invalid(why, [], 'answer_does_not_fit'), 400, 'invalid_answers'],
  ['a body that is too large', new BadRequestForm(413, why), 400, 'invalid_request'],
  ['a body of another type', new BadRequestForm(415, why), 400, 'invalid_request'],
  ['too many secrets', new LimitReached(why, 'too_many_secrets'), 400, 'invalid_request'],
  ['a full queue', new LimitReached(why, 'queue_full', 30), 429, 'rate_limited'],
  ['too many requests', new LimitReached(why, 'rate_limited', 7), 429, 'rate_limited'],
  ['too many that run', new LimitReached(why, 'running_limit'), 503, 'concurrency_cap'],
  ['something that changed meanwhile', new Conflict(why), 400, 'invalid_state'],
  ['a start that was turned back', new Conflict(why, 'stopped_meanwhile'), 503, 'start_failed'],
  ['a stop that was turned back', new Conflict(why, 'started_meanwhile'), 503, 'stop_failed'],
  ['an engine that is away', new Unavailable(why, 'engine_unavailable', 2), 502, 'agent_unreachable'],
  ['an engine that does not answer', new Unavailable(why, 'engine_unreachable', 2), 502, 'agent_unreachable'],
  ['an agent that does not end', new Upstream(why, 'agent_silent'), 502, 'agent_unreachable'],
  ['a start', new Upstream(why, 'start_failed'), 503, 'start_failed'],
  ['a stop', new Upstream(why, 'stop_failed'), 503, 'stop_failed'],
  ['a method that is not there', new BadRequestForm(405, why), 405, 'invalid_request'],
  ['a token for what needs a sign-in', new Forbidden(why), 403, 'forbidden'],
  ['a database that is away', new Unavailable(why, 'database_unavailable', 2), 503, 'database_unavailable'],
  ['a server that stops', new Unavailable(why, 'stopping', 2), 503, 'stopping'],
  ['a disk that is full', new Unavailable(why, 'disk_full'), 503, 'disk_full'],
  ['a time that is over', new TimedOut(why, 'instance_timeout'), 503, 'start_failed'],
])('%s', (_what, error, status, code) => {
  expect(render(error)).toMatchObject({ status, body: { error: why, code } });
});

it.each<[string, DomainError, number, string, string]>([
  ['an unknown agent', new NotFound('agent', 'x'), 404, 'agent_not_found', 'Agent not found'],
  ['a hidden one', new Hidden('agent', 'x'), 404, 'agent_not_found', 'Agent not found'],
  [
    'one that is shared',
    new Forbidden(why, 'not_owner'),
    404,
    'agent_not_found',
    'Agent not found among those that are yours',
  ],
  ['an unknown token', new NotFound('key', 'x'), 404, 'token_not_found', 'Token not found'],
  ['an unknown file', new NotFound('file', 'x'), 404, 'file_not_found', 'File not found'],
  ['an unknown path', new NotFound('route', 'x'), 404, 'route_not_found', 'Route not found'],
  ['an unknown approval', new NotFound('approval', 'x'), 404, 'permission_not_found', 'Permission not found'],
  [
    'a state',
    new WrongState('Agent', 'provisioning', 'be started'),
    400,
    'invalid_state',
    'Agent is provisioning, so it cannot be started',
  ],
  [
    'an agent that does not run',
    new Unavailable(why, 'agent_not_running'),
    400,
    'agent_not_running',
    'Agent is not running',
  ],
  ['a fault of ours', new Unexpected(new Error('private')), 500, 'internal_error', 'Internal server error'],
])('%s has words of its own', (_what, error, status, code, words) => {
  expect(render(error)).toMatchObject({ status, body: { error: words, code } });
});
