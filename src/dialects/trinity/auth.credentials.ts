import type { IncomingHttpHeaders } from 'node:http';

/** A cookie's value as it was sent; null when there is none. */
export function cookieOf(headers: IncomingHttpHeaders, name: string): string | null {
  for (const pair of headers.cookie?.split(';') ?? []) {
    const [key, ...value] = pair.split('=');
    if (key?.trim() === name) return value.join('=').trim() || null;
  }
  return null;
}
