import type { Secret } from '../../core/credentials/secret.js';

const sealed = '[sealed]';
/** Shorter values would seal ordinary words. */
const shortest = 6;
const known = new Set<string>();
let pattern: RegExp | null = null;

/** From now on this value is replaced by `[sealed]` in every log line, also as base64, URL-encoded or escaped in JSON. */
export function registerSecret(secret: string | Secret | null | undefined): void {
  const value = typeof secret === 'string' ? secret : secret?.reveal();
  if (!value || value.length < shortest) return;
  const base64 = Buffer.from(value).toString('base64').replace(/=+$/, '');
  const base64url = Buffer.from(value).toString('base64url');
  for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), base64, base64url]) {
    known.add(form);
  }
  const longestFirst = [...known].sort((a, b) => b.length - a.length);
  pattern = new RegExp(longestFirst.map((form) => form.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('|'), 'g');
}

/** Addresses that carry access of their own: `core/links` makes them, too many to register each. */
const capabilities = /((?:\/|%2f)[as](?:\/|%2f))[\w-]{48}(?![\w-])/gi;

/** The text without any registered secret, and without what addresses of agents and sessions carry. */
export function redacted(text: string): string {
  const bare = text.replace(capabilities, `$1${sealed}`);
  return pattern ? bare.replace(pattern, sealed) : bare;
}

/** Names whose values are never logged, wherever they appear in the first levels of a structured line. */
const names = [
  'password',
  'token',
  'accessToken',
  'access_token',
  'apiKey',
  'api_key',
  'authorization',
  'cookie',
  'secret',
  'masterKey',
  'privateKey',
  'private_key',
];
export const redactedPaths: string[] = [...names, '["x-api-key"]', '["set-cookie"]'].flatMap((name) => {
  const below = (parent: string) => (name.startsWith('[') ? `${parent}${name}` : `${parent}.${name}`);
  return [name, below('*'), below('*.*')];
});
