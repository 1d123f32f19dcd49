import { EngineError, type EngineFault } from '../../core/instances/engine.errors.js';

/** What dockerode and Node attach to the errors they throw. */
interface Thrown {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly name?: unknown;
  readonly message?: unknown;
  readonly json?: unknown;
}

const silentCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'ENOENT',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
]);

/** Turns whatever a call to the engine threw into an `EngineError`; an `EngineError` passes unchanged. */
export function toEngineError(thrown: unknown, doing: string): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const error: Thrown = typeof thrown === 'object' && thrown !== null ? thrown : {};
  const reason = messageOf(thrown);
  const fault = faultOf(error, reason);
  return new EngineError(fault, sentence(fault, doing, reason), { cause: thrown });
}

/** The HTTP status the engine answered with, or null when the error is of another kind. */
export function statusOf(thrown: unknown): number | null {
  const status = typeof thrown === 'object' && thrown !== null ? (thrown as Thrown).statusCode : undefined;
  return typeof status === 'number' ? status : null;
}

export function isFault(thrown: unknown, ...faults: readonly EngineFault[]): boolean {
  return thrown instanceof EngineError && faults.includes(thrown.fault);
}

/** What was thrown says in one line; an engine's own words come before the library's. */
export function messageOf(thrown: unknown, maxLength = 300): string {
  const { json, message }: Thrown = typeof thrown === 'object' && thrown !== null ? thrown : {};
  const said = typeof json === 'object' && json !== null ? (json as { message?: unknown }).message : undefined;
  const text = typeof said === 'string' ? said : typeof message === 'string' ? message : String(thrown);
  return text.replace(/\s+/g, ' ').trim().slice(0, maxLength);
}

function faultOf(error: Thrown, reason: string): EngineFault {
  if (/no space left on device|disk quota exceeded/i.test(reason)) return 'disk_full';
  if (typeof error.statusCode === 'number') return faultOfStatus(error.statusCode, reason);
  if (typeof error.code === 'string' && silentCodes.has(error.code)) return 'unreachable';
  if (error.code === 'EACCES' || error.code === 'EPERM') return 'unreachable';
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'unreachable';
  // A dropped connection has no code in some Node versions; certificates carry one of many.
  if (/socket hang up|aborted|premature close|certificate|ssl|tls/i.test(reason)) return 'unreachable';
  return 'refused';
}

function faultOfStatus(status: number, reason: string): EngineFault {
  if (status === 404) return /no such image|not found: manifest/i.test(reason) ? 'no_image' : 'not_found';
  if (status === 409) return 'conflict';
  if (status === 501) return 'unsupported';
  if (status === 502 || status === 503 || status === 504) return 'unreachable';
  return 'refused';
}

function sentence(fault: EngineFault, doing: string, reason: string): string {
  if (fault === 'unreachable') return `The container engine did not answer while ${doing}: ${reason}`;
  if (fault === 'disk_full') return `The container engine's disk is full (while ${doing})`;
  return `The container engine refused ${doing}: ${reason}`;
}
