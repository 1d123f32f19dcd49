import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LimitReached } from '../../core/errors/domain-error.js';
import type { Dialect } from '../../dialects/shared/dialect.js';

interface Window {
  /** Number of the window `current` counts. */
  index: number;
  current: number;
  previous: number;
}

const mostCallers = 50_000;

/**
 * Sliding window per caller and dialect: this window's count plus the still valid share of the last one.
 * Counted before authentication, so its headers are on every answer. Kept in this process.
 */
export class RateLimiter {
  private readonly windows = new Map<string, Window>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Counts the request, sets `X-RateLimit-*`, and returns the error when it is one too many. */
  count(dialect: Dialect, request: FastifyRequest, reply: FastifyReply): LimitReached | undefined {
    const limit = dialect.rateLimit;
    if (!limit) return undefined;
    const length = limit.seconds * 1000;
    const now = this.now();
    const index = Math.floor(now / length);
    const window = this.windowOf(callerOf(dialect, request), index);
    const passed = (now % length) / length;
    const used = window.previous * (1 - passed) + window.current + 1;
    const refused = used > limit.requests;
    if (!refused) window.current += 1;

    const resetAt = (index + 1) * length;
    reply.raw.setHeader('X-RateLimit-Limit', limit.requests);
    reply.raw.setHeader('X-RateLimit-Remaining', Math.max(0, Math.floor(limit.requests - used)));
    reply.raw.setHeader('X-RateLimit-Reset', Math.ceil(resetAt / 1000));
    if (!refused) return undefined;
    const seconds = Math.ceil((roomAt(window, limit.requests, length) - now) / 1000);
    return new LimitReached('Too many requests', 'rate_limited', Math.max(1, seconds));
  }

  private windowOf(caller: string, index: number): Window {
    const known = this.windows.get(caller);
    if (known?.index === index) return known;
    const fresh = { index, current: 0, previous: known?.index === index - 1 ? known.current : 0 };
    this.windows.delete(caller);
    if (this.windows.size >= mostCallers) this.forgetOldest();
    this.windows.set(caller, fresh);
    return fresh;
  }

  private forgetOldest(): void {
    for (const caller of this.windows.keys()) {
      this.windows.delete(caller);
      return;
    }
  }
}

/** When one more fits: as soon as so much of a window before has slid away, which may be some time after that window's end. */
function roomAt({ index, current, previous }: Window, requests: number, length: number): number {
  const passed = (counted: number, room: number): number => (counted > room ? 1 - room / counted : 0);
  const room = requests - current - 1;
  return room >= 0 ? (index + passed(previous, room)) * length : (index + 1 + passed(current, requests - 1)) * length;
}

function callerOf(dialect: Dialect, request: FastifyRequest): string {
  const named = dialect.rateLimit?.by?.(request.originalUrl) ?? null;
  if (named !== null) return `${dialect.name} ${digestOf(named)}`;
  const credential = dialect.credential(request.headers);
  const who = credential ? digestOf(credential.value) : request.ip;
  return `${dialect.name} ${who}`;
}

const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');
