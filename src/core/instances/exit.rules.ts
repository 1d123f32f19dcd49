/** How a container came to its end. */
export interface Exit {
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /** Somebody used the engine directly: `docker stop`, `docker kill`. */
  readonly fromOutside: boolean;
  /** Failed attempts before this one, counted since it last ran well. */
  readonly failures: number;
  /** False during its very first start: who creates an agent hears of it at once instead of after many attempts. */
  readonly everRan: boolean;
}

export interface AfterExit {
  /** `rest`: it stays stopped as if asked to. `retry`: started again after a pause. `fail`: given up, visibly. */
  readonly verdict: 'rest' | 'retry' | 'fail';
  /** A sentence for people. */
  readonly reason: string;
  readonly failures: number;
  /** Seconds before the next attempt; 0 unless `retry`. */
  readonly delaySeconds: number;
}

/** Attempts in a row before an instance is given up. */
export const maxFailures = 6;
/** An instance that ran this long starts counting failures anew. */
export const ranWellSeconds = 60;

/** Pause before attempt n (1, 2, 3 ...): 1, 2, 4 ... 60 seconds. */
export function backOffSeconds(failures: number): number {
  return Math.min(60, 2 ** Math.max(0, failures - 1));
}

/** Why an instance rests that somebody stopped at the engine. */
export const stoppedOutside = 'Stopped from outside Flotilla, directly at the engine';
/** An engine that is asked to end stops its containers first, and answers meanwhile: that looks like somebody's `docker stop`. */
export const engineEndsWithinSeconds = 60;

/** What to do about an instance that was wanted running and ended. Stop intent is stored elsewhere; this is about surprises. */
export function afterExit(exit: Exit): AfterExit {
  if (exit.fromOutside) return rest(stoppedOutside);
  if (exit.exitCode === 0) return rest('Ended by itself with exit code 0');
  const failures = exit.failures + 1;
  const cause =
    exit.oomKilled && exit.exitCode === 137
      ? 'Ran out of memory and was killed by the kernel'
      : `Ended unexpectedly with exit code ${exit.exitCode ?? 'unknown'}`;
  if (!exit.everRan) return { verdict: 'fail', reason: `${cause} during its first start`, failures, delaySeconds: 0 };
  if (failures >= maxFailures) {
    return { verdict: 'fail', reason: `${cause}; gave up after ${failures} attempts`, failures, delaySeconds: 0 };
  }
  const delaySeconds = backOffSeconds(failures);
  return { verdict: 'retry', reason: `${cause}; starting again in ${delaySeconds} s`, failures, delaySeconds };
}

/** Nothing is known of how it ended. */
export const unknownExit = { exitCode: null, oomKilled: false, fromOutside: false } as const;

/** What to do about a container that is not there any more. */
export function afterVanishing(failures: number): AfterExit {
  const after = afterExit({ ...unknownExit, failures, everRan: true });
  const next = after.verdict === 'retry' ? `making it again in ${after.delaySeconds} s` : 'it is not made again';
  return { ...after, reason: `The container was removed from outside Flotilla; ${next}` };
}

const rest = (reason: string): AfterExit => ({ verdict: 'rest', reason, failures: 0, delaySeconds: 0 });
