import type { Secret } from '../../core/credentials/secret.js';
import { forLogs, hideInLogs } from '../../core/credentials/secrets-in-logs.js';

const sealed = '[sealed]';

/** From now on this value is replaced by `[sealed]` in every log line, also as base64, URL-encoded or escaped in JSON. */
export function registerSecret(secret: string | Secret | null | undefined): void {
  const value = typeof secret === 'string' ? secret : secret?.reveal();
  if (value) hideInLogs(value);
}

/** Addresses that carry access of their own: `core/links` makes them, too many to register each. */
const capabilities = /((?:\/|%2f)[as](?:\/|%2f))[\w-]{48}(?![\w-])/gi;

/** The text without any registered secret, and without what addresses of agents and sessions carry. */
export function redacted(text: string): string {
  const bare = text.replace(capabilities, `$1${sealed}`);
  return forLogs(bare, sealed);
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
