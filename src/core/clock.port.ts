/** Time, so that tests can move it by hand. Core never calls `Date.now()` or `setTimeout` itself. */
export abstract class Clock {
  abstract now(): Date;
  /** Calls back once after `ms` milliseconds; the returned function cancels. Does not keep the process alive. */
  abstract after(ms: number, run: () => void): () => void;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when aborted. */
  abstract sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
