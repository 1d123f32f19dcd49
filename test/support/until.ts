import { setTimeout as pause } from 'node:timers/promises';

/** Asks again until the answer is truthy, and returns it; fails after the deadline (milliseconds). */
export async function until<T>(
  what: string,
  ask: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  deadline = 30_000,
): Promise<T> {
  const end = Date.now() + deadline;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${deadline} ms in vain until ${what}`);
    await pause(20);
  }
}
