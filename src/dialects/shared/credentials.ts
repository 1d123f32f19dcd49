import type { IncomingHttpHeaders } from 'node:http';
import type { Credential } from '../../core/access/authenticator.port.js';

/** The credential of an `Authorization: Bearer ...` header; the scheme is matched in any case. */
export function bearerOf({ authorization }: IncomingHttpHeaders): Credential | null {
  const value = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return value === undefined ? null : { kind: 'bearer', value };
}
