import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../credentials/secret.js';

const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT' })).toString('base64url');
const maxLength = 4096;
/** How far the clocks of two replicas may be apart, seconds. */
const leeway = 60;

export interface TokenClaims {
  readonly sub: string;
  /** Unique id of this token. */
  readonly jti: string;
  /** Seconds since the epoch. */
  readonly iat: number;
  readonly exp: number;
  /** Seconds since the epoch before which it is nothing; left out: good from `iat` on. */
  readonly nbf?: number;
  readonly [claim: string]: unknown;
}

/**
 * JWTs for one purpose, HS256 only. The algorithm is ours, never the token's choice: a header that says anything else is refused.
 * The key is derived from the master key and the purpose, so a token of one purpose is nothing to another.
 */
export class SignedTokens {
  private readonly key: KeyObject;

  constructor(masterKey: Secret, purpose: string) {
    const derived = hkdfSync('sha256', masterKey.reveal(), '', `flotilla/${purpose}/v1`, 32);
    this.key = createSecretKey(Buffer.from(derived));
  }

  sign(claims: TokenClaims): string {
    const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    return `${signed}.${this.signature(signed)}`;
  }

  /** The claims of a token that is whole, ours, and valid now; else null. */
  verify(token: string, now: Date): TokenClaims | null {
    if (token.length > maxLength) return null;
    const [head, body, signature, ...rest] = token.split('.');
    if (!head || !body || !signature || rest.length > 0) return null;
    // Compared as text: base64 has several spellings of the same bytes, and only ours counts. A header that names another
    // algorithm, a key (kid, jku, x5u, jwk) or an extension (crit) is none of ours, whoever signed it.
    if (!equal(signature, this.signature(`${head}.${body}`)) || head !== header) return null;

    const claims = parse(body);
    if (!isClaims(claims)) return null;
    const seconds = now.getTime() / 1000;
    const { exp, iat, nbf = iat } = claims;
    return seconds < exp && iat <= seconds + leeway && nbf <= seconds + leeway ? claims : null;
  }

  private signature(signed: string): string {
    return createHmac('sha256', this.key).update(signed).digest('base64url');
  }
}

function equal(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}

function parse(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    return null;
  }
}

function isClaims(value: unknown): value is TokenClaims {
  if (typeof value !== 'object' || value === null) return false;
  const { sub, jti, iat, exp, nbf } = value as Partial<Record<string, unknown>>;
  return (
    // Ours name no audience and no issuer: one that does was made for somebody else.
    !('aud' in value || 'iss' in value) &&
    (nbf === undefined || typeof nbf === 'number') &&
    typeof sub === 'string' &&
    typeof jti === 'string' &&
    jti !== '' &&
    typeof iat === 'number' &&
    typeof exp === 'number'
  );
}
