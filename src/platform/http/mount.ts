import type { IncomingMessage } from 'node:http';
import { RequestMethod, type Type } from '@nestjs/common';
import { HTTP_CODE_METADATA, METHOD_METADATA } from '@nestjs/common/constants.js';
import type { Claim, Dialect } from '../../dialects/shared/dialect.js';

interface Arrival {
  readonly dialect: Dialect | null;
  readonly url: string;
}
type AnyRequest = IncomingMessage | { readonly raw: IncomingMessage };

const arrivals = new WeakMap<IncomingMessage, Arrival>();
const rawOf = (request: AnyRequest): IncomingMessage => ('raw' in request ? request.raw : request);

/** The dialect that claimed a request, or null. Known for every request ever parsed: 404, broken JSON, bad URL, streams. */
export const dialectOf = (request: AnyRequest): Dialect | null => arrivals.get(rawOf(request))?.dialect ?? null;

/** The URL as the client sent it; `request.url` is the one it was routed by. */
export const sentUrl = (request: AnyRequest): string => arrivals.get(rawOf(request))?.url ?? rawOf(request).url ?? '';

/** Where the routes of a dialect really live: `/~trinity`. Clients may name it too. */
export const mountOf = (name: string): string => `/~${name}`;

/** Name of the dialect whose module a route pattern belongs to, or null. */
export const dialectOfRoute = (pattern: string | undefined): string | null =>
  /^\/~([^/]+)/.exec(pattern ?? '')?.[1] ?? null;

/** True when `path` is the prefix itself or lies below it; `/apix` is not below `/api`. */
export const below = (prefix: string, path: string): boolean => path === prefix || path.startsWith(`${prefix}/`);

/**
 * Who gets a path: an explicit `/~name` first, then the longest claim on it, so that a claim within a claim wins
 * wherever its dialect is listed. Of equally long ones the first counts. The path is a decoded one.
 */
export function claimant(dialects: readonly Dialect[], path: string, apiKey: string): Dialect | null {
  const named = dialects.find(({ name }) => below(mountOf(name), path));
  if (named) return named;
  const holds = ({ prefix, apiKeyPrefix }: Claim): boolean =>
    below(prefix, path) && (apiKeyPrefix === undefined || apiKey.startsWith(apiKeyPrefix));
  let best: { readonly dialect: Dialect; readonly length: number } | null = null;
  for (const dialect of dialects) {
    for (const claim of dialect.claims) {
      const { length } = claim.prefix;
      if ((best === null || length > best.length) && holds(claim)) best = { dialect, length };
    }
  }
  return best?.dialect ?? null;
}

/**
 * Fastify's `rewriteUrl`: runs before routing, for every request. Finds the dialect and returns the URL below its mount.
 * The router decodes a path before it matches, so the claim is decided on the decoded path too.
 */
export function rewriteUrl(dialects: readonly Dialect[]) {
  return (raw: IncomingMessage): string => {
    const sent = raw.url ?? '/';
    const url = originForm(sent);
    const path = decoded(url.split(/[?#]/, 1)[0] ?? '/');
    const dialect = claimant(dialects, path, String(raw.headers['x-api-key'] ?? ''));
    const routed = dialect && !below(mountOf(dialect.name), path) ? mountOf(dialect.name) + url : url;
    arrivals.set(raw, { dialect, url: sent });
    // Nest matches parameters against `originalUrl`, and middleware overwrites it: make it the routed one, always.
    (raw as IncomingMessage & { originalUrl?: string }).originalUrl = routed;
    return routed;
  };
}

/** `GET http://host/path` is legal HTTP; routing needs `/path`. */
function originForm(url: string): string {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/**
 * Gives every POST handler of a dialect its documented status, unless it has its own `@HttpCode`.
 * Call it before the application is made: Nest and Swagger both read this metadata.
 */
export function settlePostStatus({ module, created }: Dialect): void {
  for (const controller of (Reflect.getMetadata('controllers', module) ?? []) as Type[]) {
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(controller.prototype as object))) {
      const handler: unknown = value;
      if (typeof handler !== 'function') continue;
      if (Reflect.getMetadata(METHOD_METADATA, handler) !== RequestMethod.POST) continue;
      if (!Reflect.hasMetadata(HTTP_CODE_METADATA, handler))
        Reflect.defineMetadata(HTTP_CODE_METADATA, created, handler);
    }
  }
}
