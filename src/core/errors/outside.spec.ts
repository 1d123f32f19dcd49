import { ChannelError, type ChannelFault } from '../instances/channel.port.js';
import { EngineError, type EngineFault } from '../instances/engine.errors.js';
import { fromOutside } from './outside.js';

describe('errors from outside', () => {
  it.each<[EngineFault, string, string]>([
    ['unreachable', 'unavailable', 'engine_unreachable'],
    ['disk_full', 'unavailable', 'disk_full'],
    ['no_image', 'upstream', 'engine_no_image'],
    ['refused', 'upstream', 'engine_refused'],
  ])('engine: %s is %s', (fault, kind, code) => {
    expect(fromOutside(new EngineError(fault, 'why'))).toMatchObject({ kind, code });
  });

  it('keeps to itself how the engine is reached', () => {
    const error = fromOutside(new EngineError('unreachable', 'connect ENOENT /var/run/docker.sock'));
    expect(error).toMatchObject({ message: 'The container engine is not available', retryAfterSeconds: 2 });
  });

  it.each<[ChannelFault, string]>([
    ['closed', 'upstream'],
    ['timeout', 'upstream'],
    ['not_found', 'not_found'],
    ['outside', 'forbidden'],
    ['link_refused', 'forbidden'],
    ['denied', 'forbidden'],
    ['read_only', 'conflict'],
    ['not_a_file', 'invalid'],
    ['is_a_directory', 'invalid'],
    ['too_large', 'invalid'],
    ['disk_full', 'unavailable'],
  ])('channel: %s is %s', (fault, kind) => {
    expect(fromOutside(new ChannelError(fault, 'why'))?.kind).toBe(kind);
  });

  it('leaves everything else alone', () => {
    expect(fromOutside(new Error('x'))).toBeNull();
  });
});
