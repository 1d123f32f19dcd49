import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.port.js';

/** Node caps a timer at about 24.8 days and fires longer ones at once. */
const longestTimer = 2_147_483_647;

/** The machine's clock. */
@Injectable()
export class SystemClock extends Clock {
  now(): Date {
    return new Date();
  }

  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), longestTimer));
    timer.unref();
    return () => clearTimeout(timer);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        cancel();
        reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', fail);
        resolve();
      });
      if (signal?.aborted) return fail();
      signal?.addEventListener('abort', fail, { once: true });
    });
  }
}
