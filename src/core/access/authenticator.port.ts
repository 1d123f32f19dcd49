import type { Principal } from './principal.js';

/** What a request brought along to say who is calling. */
export interface Credential {
  readonly kind: 'bearer' | 'api_key' | 'ticket';
  readonly value: string;
}

/** Turns a credential into a caller. Implemented by `core/accounts`. */
export abstract class Authenticator {
  /**
   * @param dialect name of the API the request came by: a key of one API is never accepted by another
   * @returns null when the credential is unknown, expired, revoked or its user suspended
   */
  abstract authenticate(credential: Credential, dialect: string): Promise<Principal | null>;
}
