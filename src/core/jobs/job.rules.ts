/** How a job of one kind is done. */
export interface JobHandler {
  /** Does the work; a throw means it failed. `signal` aborts when the lease is lost or the server stops. Must tolerate a repeat. */
  run(job: ClaimedJob, signal: AbortSignal): Promise<void>;
  /** Attempts before the job counts as failed. Default 5. */
  readonly attempts?: number;
}

export interface ClaimedJob {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly payload: unknown;
  /** 1 on the first attempt. */
  readonly attempt: number;
}

export const defaultAttempts = 5;

/** Wait before the next attempt, in milliseconds: 1 s, 4 s, 16 s ... at most 10 minutes. */
export function backOff(attempt: number): number {
  return Math.min(1_000 * 4 ** (attempt - 1), 10 * 60_000);
}
