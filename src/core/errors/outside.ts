import { ChannelError, type ChannelFault } from '../instances/channel.port.js';
import { EngineError } from '../instances/engine.errors.js';
import { Conflict, type DomainError, Forbidden, Invalid, NotFound, Unavailable, Upstream } from './domain-error.js';

/** What the engine or a channel threw, in words for the caller; null when it was neither. Core may refine it first. */
export function fromOutside(thrown: unknown): DomainError | null {
  if (thrown instanceof EngineError) return fromEngine(thrown);
  if (thrown instanceof ChannelError) return channelErrors[thrown.fault](thrown);
  return null;
}

function fromEngine(error: EngineError): DomainError {
  if (error.fault === 'unreachable') {
    return new Unavailable('The container engine is not available', 'engine_unreachable', 2, { cause: error });
  }
  if (error.fault === 'disk_full') return new Unavailable(error.message, 'disk_full', null, { cause: error });
  return new Upstream(error.message, `engine_${error.fault}`, { cause: error });
}

const upstream = (error: ChannelError): DomainError =>
  new Upstream(error.message, `channel_${error.fault}`, { cause: error });
const forbidden = (error: ChannelError): DomainError => new Forbidden(error.message, `file_${error.fault}`);
const invalid = (error: ChannelError): DomainError => new Invalid(error.message, [], `file_${error.fault}`);

const channelErrors: Record<ChannelFault, (error: ChannelError) => DomainError> = {
  closed: upstream,
  timeout: upstream,
  failed: upstream,
  not_found: (error) => new NotFound('file', error.message),
  outside: forbidden,
  link_refused: forbidden,
  denied: forbidden,
  read_only: (error) => new Conflict(error.message, 'home_read_only'),
  not_a_file: invalid,
  not_a_directory: invalid,
  is_a_directory: invalid,
  too_large: invalid,
  disk_full: (error) => new Unavailable(error.message, 'disk_full', null, { cause: error }),
};
