import { createHash } from 'node:crypto';
import { Invalid } from '../errors/domain-error.js';

// No signs that list, quote or comment addresses: what is one address here must be one for a mail program too.
const emailForm = /^[^\s@\p{Cc}"(),:;<>[\]\\]{1,64}@[^\s@\p{Cc}"(),:;<>[\]\\]+\.[^\s@\p{Cc}"(),:;<>[\]\\.]+$/u;

/** One form for one address, or null when it is none. Accounts and shares are compared in this form. */
export function normalizeEmail(text: string): string | null {
  const email = text.normalize('NFC').trim().toLowerCase();
  return email.length <= 254 && emailForm.test(email) ? email : null;
}

/** As `normalizeEmail`. @throws Invalid it is none */
export function emailOf(text: string): string {
  const email = normalizeEmail(text);
  if (email === null) throw new Invalid('This is not an e-mail address', [], 'malformed_email');
  return email;
}

/** SHA-256, hex: how high-entropy keys and throttling keys are stored. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export const minPasswordLength = 8;
