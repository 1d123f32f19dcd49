import { EngineError } from '../../core/instances/engine.errors.js';
import { toEngineError } from './errors.js';

const answer = (statusCode: number, message: string) =>
  Object.assign(new Error('http'), { statusCode, json: { message } });
const broken = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe('errors of the engine', () => {
  it.each([
    [answer(404, 'No such container: x'), 'not_found'],
    [answer(404, 'No such image: flotilla-agent-x:1'), 'no_image'],
    [answer(409, 'The name is already in use'), 'conflict'],
    [answer(500, 'write /var/lib/docker/x: no space left on device'), 'disk_full'],
    [answer(501, 'not implemented'), 'unsupported'],
    [answer(503, 'try again'), 'unreachable'],
    [answer(400, 'Minimum memory limit allowed is 6MB'), 'refused'],
    [answer(500, 'a certificate of the runtime is bad'), 'refused'],
    [broken('ECONNREFUSED'), 'unreachable'],
    [broken('EACCES'), 'unreachable'],
    [Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'unreachable'],
    [new Error('socket hang up'), 'unreachable'],
    ['what?', 'refused'],
  ])('%s is %s', (thrown, fault) => {
    expect(toEngineError(thrown, 'starting a container')).toMatchObject({ name: 'EngineError', fault });
  });

  it('are one sentence with the words of the engine', () => {
    const error = toEngineError(answer(400, 'Minimum memory limit\nallowed is 6MB'), 'creating container x');
    expect(error.message).toBe(
      'The container engine refused creating container x: Minimum memory limit allowed is 6MB',
    );
  });

  it('pass unchanged when they are ours', () => {
    const error = new EngineError('no_image', 'not built');
    expect(toEngineError(error, 'anything')).toBe(error);
  });
});
