import { isKept } from '../credentials/environment.rules.js';
import { Invalid } from '../errors/domain-error.js';

const nameForm = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
export const longestValueBytes = 64 * 1024;
/** Together they have to fit beside an agent's own variables into what a process can be started with. */
const mostBytesTogether = 1024 * 1024;

/** What Flotilla itself tells an agent's processes, and terminals theirs. */
const told = /^(?:TERM|AGENT_NAME|AGENT_TYPE|AGENT_RUNTIME|AGENT_RUNTIME_MODEL|TEMPLATE_NAME)$/;

/** Refuses a name that no variable may have. `more` are further reserved ones; a `*` at the end stands for any ending. */
export function requireName(name: string, more: readonly string[] = []): void {
  if (!nameForm.test(name)) {
    throw new Invalid(
      'A key starts with a letter or _, goes on with letters, digits and _, and has at most 128 characters',
      [],
      'invalid_key',
    );
  }
  const taken = more.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));
  if (isKept(name) || told.test(name) || taken) {
    throw new Invalid(`${name} is reserved: choose another key`, [], 'reserved_key');
  }
}

export function requireValue(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw new Invalid(`The value of ${name} must be a string`, [], 'invalid_value');
  const bytes = Buffer.byteLength(value);
  if (bytes < 1 || bytes > longestValueBytes) {
    throw new Invalid(`The value of ${name} must have 1 byte to 64 KiB`, [], 'invalid_value');
  }
  if (value.includes('\0')) throw new Invalid(`The value of ${name} holds a NUL`, [], 'invalid_value');
  if (/\p{Surrogate}/u.test(value)) throw new Invalid(`The value of ${name} is no valid text`, [], 'invalid_value');
}

/** Refuses more than fits into the environment of one process. Values by their size in bytes. */
export function requireRoom(
  sizes: Iterable<readonly [name: string, bytes: number]>,
  refusal = 'All secrets of one place together may have 1 MiB: delete some first',
): void {
  let bytes = 0;
  for (const [name, size] of sizes) bytes += Buffer.byteLength(name) + size + 2;
  if (bytes > mostBytesTogether) throw new Invalid(refusal, [], 'too_many_secrets');
}
