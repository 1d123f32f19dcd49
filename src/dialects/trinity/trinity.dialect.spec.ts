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
  Unauthenticated,
  Unavailable,
  Unexpected,
  Upstream,
  WrongState,
} from '../../core/errors/domain-error.js';
import { trinity } from './trinity.dialect.js';

const settings = {
  sshAccess: true,
  sshAdminOnly: false,
  uniform404: false,
  wsAnonymous: false,
  baseImages: [],
  createMinRole: 'user',
} as const;
const render = (error: DomainError) => trinity({ trinity: settings }).renderError(error);

describe('errors of the trinity dialect', () => {
  it.each<[string, DomainError, number, unknown]>([
    ['a broken rule', new Invalid('invalid name'), 400, 'invalid name'],
    ['nobody', new Unauthenticated('Not authenticated'), 401, 'Not authenticated'],
    ['a refusal', new Forbidden('Owner access required'), 403, 'Owner access required'],
    ['a hidden agent', new Hidden('agent', 'a'), 403, "You don't have permission to access this agent"],
    ['a hidden anything else', new Hidden('api_key', 'k'), 404, 'Api key not found'],
    ['a missing agent', new NotFound('agent', 'a'), 404, 'Agent not found'],
    ['a missing route', new NotFound('route', '/api/x?token=t'), 404, 'Not Found'],
    ['a taken name', new Conflict('Agent already exists'), 409, 'Agent already exists'],
    ['a wrong state', new WrongState('agent', 'stopped', 'chat'), 400, 'agent is stopped, so it cannot chat'],
    ['too many', new LimitReached('Too many', 'full', 7), 429, 'Too many'],
    [
      'a full queue',
      new LimitReached('Wait', 'queue_full', 30, { agent: 'a', queue_length: 3 }),
      429,
      { error: 'Agent queue is full', agent: 'a', queue_length: 3, retry_after: 30, message: 'Wait' },
    ],
    ['a silent agent', new Upstream('Failed to start agent: no'), 500, 'Failed to start agent: no'],
    ['no engine', new Unavailable('connect ENOENT', 'engine_unreachable', 2), 503, 'Docker is not available'],
    ['no room', new Unavailable('The disk is full', 'disk_full'), 503, 'The disk is full'],
    [
      'a timeout',
      new TimedOut('Agent is starting up, please try again'),
      504,
      'Agent is starting up, please try again',
    ],
    ['a bug', new Unexpected(new Error('secret')), 500, 'Internal server error'],
    ['bad HTTP', new BadRequestForm(413, 'too large'), 413, 'too large'],
  ])('%s', (_what, error, status, detail) => {
    expect(render(error)).toMatchObject({ status, body: { detail } });
  });

  it('lists what is wrong with an input, and where', () => {
    const issues = [
      { field: 'name', message: 'Field required', place: 'body', type: 'missing' },
      { field: 'tools.0', message: 'must be a string' },
      { field: '', message: 'The body is not valid JSON', place: 'body', type: 'json_invalid' },
    ] as const;
    expect(render(new Invalid('bad', issues))).toMatchObject({
      status: 422,
      body: {
        detail: [
          { loc: ['body', 'name'], msg: 'Field required', type: 'missing' },
          { loc: ['body', 'tools', 0], msg: 'must be a string', type: 'value_error' },
          { loc: ['body'], msg: 'The body is not valid JSON', type: 'json_invalid' },
        ],
      },
    });
  });

  it('hides existence where the setting says so', () => {
    const strict = trinity({ trinity: { ...settings, uniform404: true } });
    expect(strict.renderError(new Hidden('agent', 'a'))).toMatchObject({
      status: 404,
      body: { detail: 'Agent not found' },
    });
  });

  it('says how to authenticate and when to come back', () => {
    expect(render(new Unauthenticated()).headers).toEqual({ 'www-authenticate': 'Bearer' });
    expect(render(new LimitReached('x', 'x', 7)).headers).toEqual({ 'retry-after': '7' });
    expect(render(new Unavailable('x')).headers).toEqual({});
  });
});
