import type { InstanceState } from '../../core/instances/instance.lifecycle.js';

/** The four states of an agent (contract 1.5). */
export const statuses = ['PROVISIONING', 'RUNNING', 'STOPPED', 'ERROR'] as const;
export type Status = (typeof statuses)[number];

/** Which phases of an instance stand behind each word. */
export const statesOf: Readonly<Record<Status, readonly InstanceState[]>> = {
  PROVISIONING: ['provisioning'],
  RUNNING: ['running'],
  STOPPED: ['stopping', 'stopped', 'removed'],
  ERROR: ['failed'],
};

export function statusOf(state: InstanceState | null): Status {
  return statuses.find((word) => state !== null && statesOf[word].includes(state)) ?? 'STOPPED';
}

const digits = 24;
const base = 36n;
const lowBits = 62n;
/** What is fixed in every UUID we make: version 4 and its variant. */
const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * Id of an agent or a scope as this API prints it: `c` and 24 digits of base 36, which hold the 122 random bits of its
 * UUID. So it needs no column, and leads back to the one thing it names.
 */
export function publicIdOf(id: string): string {
  if (!shape.test(id)) throw new Error('this id has no public form');
  const hex = id.replaceAll('-', '');
  const high = BigInt(`0x${hex.slice(0, 12)}${hex.slice(13, 16)}`);
  const low = BigInt(`0x${hex.slice(16)}`) & ((1n << lowBits) - 1n);
  return `c${((high << lowBits) | low).toString(Number(base)).padStart(digits, '0')}`;
}

/** The UUID behind such an id; null: nothing can have it. */
export function ownIdOf(publicId: string): string | null {
  if (!/^c[0-9a-z]{24}$/.test(publicId)) return null;
  let bits = 0n;
  for (const digit of publicId.slice(1)) bits = bits * base + BigInt(parseInt(digit, 36));
  if (bits >> (lowBits + 60n) !== 0n) return null;
  const high = (bits >> lowBits).toString(16).padStart(15, '0');
  const low = ((bits & ((1n << lowBits) - 1n)) | (2n << lowBits)).toString(16).padStart(16, '0');
  return dashed(`${high.slice(0, 12)}4${high.slice(12)}${low}`);
}

/** Things whose ids are a word and the digits of a UUID. */
export const idWords = {
  session: 'ses_',
  approval: 'per_',
  question: 'q_',
  message: 'msg_',
  part: 'prt_',
} as const;
export type NamedThing = keyof typeof idWords;

/** `ses_` and 32 hexadecimal digits, for a UUID. */
export const namedIdOf = (thing: NamedThing, id: string): string => idWords[thing] + id.replaceAll('-', '');

/** The UUID behind such an id; null: nothing can have it. */
export function ownNamedIdOf(thing: NamedThing, publicId: string): string | null {
  const word = idWords[thing];
  const hex = publicId.startsWith(word) ? publicId.slice(word.length) : '';
  return /^[0-9a-f]{32}$/.test(hex) ? dashed(hex) : null;
}

const dashed = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
