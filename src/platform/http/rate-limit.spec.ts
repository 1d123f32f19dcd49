import { Module } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sampleDialect } from '../../../test/support/http-app.js';
import { RateLimiter } from './rate-limit.js';

@Module({})
class NothingModule {}

const dialect = sampleDialect('alpha', NothingModule, { rateLimit: { requests: 4, seconds: 60 } });

describe('RateLimiter', () => {
  let now: number;
  let limiter: RateLimiter;
  const headers = new Map<string, unknown>();
  const count = (token: string) => {
    const request = { headers: { authorization: `Bearer ${token}` }, ip: '127.0.0.1' } as unknown as FastifyRequest;
    const raw = { setHeader: (name: string, value: unknown) => headers.set(name, value) };
    return limiter.count(dialect, request, { raw } as unknown as FastifyReply);
  };

  beforeEach(() => {
    now = 60_000 * 1000;
    headers.clear();
    limiter = new RateLimiter(() => now);
  });

  it('counts down and refuses what is too many', () => {
    const left = [1, 2, 3, 4].map(() => [count('a')?.code, headers.get('X-RateLimit-Remaining')]);
    expect(left).toEqual([3, 2, 1, 0].map((n) => [undefined, n]));
    // A quarter of the next window has to pass, too: so long three of the four still count, and leave no room.
    expect(count('a')).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 75 });
    expect(headers.get('X-RateLimit-Limit')).toBe(4);
    expect(headers.get('X-RateLimit-Reset')).toBe(60_060);
  });

  it('counts every caller apart', () => {
    for (let n = 0; n < 5; n += 1) count('a');
    expect(count('b')).toBeUndefined();
  });

  it('slides: the share of the last window that is still valid counts', () => {
    for (let n = 0; n < 4; n += 1) count('a');
    now += 75_000; // a quarter into the next window: three of the four still count
    expect(count('a')).toBeUndefined();
    expect(count('a')?.code).toBe('rate_limited');
  });

  it.each([0, 100, 15_250, 59_999])('who comes back when told is let in, and a second before is not (%i ms)', (ms) => {
    for (let n = 0; n < 4; n += 1) count('a');
    now += ms;
    for (let turn = 0; turn < 10; turn += 1) {
      const seconds = count('a')?.retryAfterSeconds ?? 0;
      expect(seconds).toBeGreaterThan(0);
      now += (seconds - 1) * 1000;
      if (seconds > 1) expect(count('a')?.code).toBe('rate_limited');
      now += 1000;
      expect(count('a')).toBeUndefined();
    }
  });

  it('forgets after two windows', () => {
    for (let n = 0; n < 5; n += 1) count('a');
    now += 120_000;
    expect(count('a')).toBeUndefined();
    expect(headers.get('X-RateLimit-Remaining')).toBe(3);
  });
});
