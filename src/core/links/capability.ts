import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../credentials/secret.js';

/** What an address may lead to. */
export type LinkTarget = 'agent' | 'session';

const idBytes = 16;
/** 160 bits: more than the 128 that nobody guesses. */
const proofBytes = 20;
const shape = /^[\w-]{48}$/;
const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * The part of an address that gives access: an id and its proof under the installation's link key. Whoever has one can make
 * no other, not for the same agent either.
 */
export function capabilityOf(key: Secret, target: LinkTarget, id: string): string {
  if (!uuid.test(id)) throw new Error('only things with a UUID have addresses');
  return Buffer.concat([Buffer.from(id.replaceAll('-', ''), 'hex'), proofOf(key, target, id)]).toString('base64url');
}

/** The id that a capability was made for; null when it was not made here for that target. */
export function idIn(key: Secret, target: LinkTarget, capability: string): string | null {
  if (!shape.test(capability)) return null;
  const bytes = Buffer.from(capability, 'base64url');
  const hex = bytes.subarray(0, idBytes).toString('hex');
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return timingSafeEqual(bytes.subarray(idBytes), proofOf(key, target, id)) ? id : null;
}

function proofOf(key: Secret, target: LinkTarget, id: string): Buffer {
  return createHmac('sha256', Buffer.from(key.reveal(), 'hex'))
    .update(`${target} ${id}`)
    .digest()
    .subarray(0, proofBytes);
}
