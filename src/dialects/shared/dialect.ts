import type { IncomingHttpHeaders } from 'node:http';
import type { Type } from '@nestjs/common';
import type { Credential } from '../../core/access/authenticator.port.js';
import type { Permission } from '../../core/access/principal.js';
import type { DomainError } from '../../core/errors/domain-error.js';

/** A set of requests that belongs to a dialect: an exact path prefix, and the kind of API key where two documents share a path. */
export interface Claim {
  /** Exact prefix: `/api` claims `/api` and everything below `/api/`, but for what a longer claim of another dialect takes. */
  readonly prefix: string;
  /** Only requests whose `x-api-key` starts like this. */
  readonly apiKeyPrefix?: string;
}

export interface RenderedError {
  readonly status: number;
  readonly body: string | object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Which pages may call, and with what. */
export interface CorsRules {
  readonly credentials: boolean;
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  /** Any page may, also one without an origin; for what takes neither cookies nor sign-ins. Otherwise the configured origins. */
  readonly anyOrigin?: boolean;
}

export interface RateLimit {
  readonly requests: number;
  readonly seconds: number;
  /** Who counts as one caller, from the path; null or left out: who brings the same credential, or comes from one address. */
  readonly by?: (path: string) => string | null;
}

/** One documented HTTP surface, as a value: routing, status, limits, errors and its OpenAPI page derive from it. */
export interface Dialect {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly module: Type;
  readonly claims: readonly Claim[];
  /** What a POST answers unless its handler says otherwise. */
  readonly created: 200 | 201;
  readonly bodyLimit: number;
  readonly cors: CorsRules | false;
  readonly rateLimit?: RateLimit;
  /** On every answer, whatever others set; null takes one away. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** What a person's own sign-in may ask for, where keys do the rest; left out: everything. */
  readonly loginsFor?: readonly Permission[];
  /** Who brings no good credential is told so on every path, also where there is nothing. */
  readonly hidesRoutes?: true;
  /** How Swagger's Authorize button signs in. */
  readonly auth:
    | { readonly kind: 'password'; readonly tokenUrl: string }
    | { readonly kind: 'bearer' }
    | { readonly kind: 'apiKey' }
    | { readonly kind: 'none' };
  /** Where a request carries its credential, or null when it brought none. */
  credential(headers: IncomingHttpHeaders): Credential | null;
  renderError(error: DomainError): RenderedError;
}
