export const errorKinds = [
  'invalid',
  'unauthenticated',
  'forbidden',
  'hidden',
  'not_found',
  'conflict',
  'wrong_state',
  'limit',
  'upstream',
  'unavailable',
  'timeout',
  'internal',
  'request',
] as const;

export type ErrorKind = (typeof errorKinds)[number];

/** One thing wrong with an input. `place` is where it was sent: a path of names, first `body`, `query` or `path`. */
export interface Issue {
  readonly field: string;
  readonly message: string;
  readonly place?: 'body' | 'query' | 'path';
  /** Machine-readable sort of mistake, such as `missing`. */
  readonly type?: string;
}

/** A failure the caller can understand. `message` is safe to send; anything private goes in `cause`. */
export abstract class DomainError extends Error {
  abstract readonly kind: ErrorKind;
  /** Stable machine-readable identifier, such as `agent_not_found`. */
  abstract readonly code: string;

  constructor(
    message: string,
    readonly details?: Readonly<Record<string, unknown>>,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Wrong shape (`issues`), or a broken rule (no issues). */
export class Invalid extends DomainError {
  readonly kind = 'invalid';
  constructor(
    message: string,
    readonly issues: readonly Issue[] = [],
    readonly code: string = 'invalid_request',
    details?: Readonly<Record<string, unknown>>,
  ) {
    super(message, issues.length ? { issues } : details);
  }
}

export class Unauthenticated extends DomainError {
  readonly kind = 'unauthenticated';
  constructor(
    message = 'Missing or invalid credentials',
    readonly code: string = 'unauthenticated',
  ) {
    super(message);
  }
}

/** They may see it, but not do this. */
export class Forbidden extends DomainError {
  readonly kind = 'forbidden';
  constructor(
    message: string,
    readonly code: string = 'forbidden',
  ) {
    super(message);
  }
}

/** It exists, and the caller may not know. */
export class Hidden extends DomainError {
  readonly kind = 'hidden';
  readonly code: string;
  constructor(
    readonly what: string,
    ref: string,
  ) {
    super(`${what} not found: ${ref}`, { ref });
    this.code = `${what}_not_found`;
  }
}

export class NotFound extends DomainError {
  readonly kind = 'not_found';
  readonly code: string;
  constructor(
    readonly what: string,
    ref: string,
  ) {
    super(`${what} not found: ${ref}`, { ref });
    this.code = `${what}_not_found`;
  }
}

/** The name is taken, or the thing changed meanwhile. */
export class Conflict extends DomainError {
  readonly kind = 'conflict';
  constructor(
    message: string,
    readonly code: string = 'conflict',
  ) {
    super(message);
  }
}

export class WrongState extends DomainError {
  readonly kind = 'wrong_state';
  readonly code: string = 'wrong_state';
  constructor(what: string, state: string, action: string) {
    super(`${what} is ${state}, so it cannot ${action}`, { what, state, action });
  }
}

/** Too many or too much. `retryAfterSeconds` says when to try again. */
export class LimitReached extends DomainError {
  readonly kind = 'limit';
  constructor(
    message: string,
    readonly code: string = 'limit_reached',
    readonly retryAfterSeconds: number | null = null,
    details?: Readonly<Record<string, unknown>>,
  ) {
    super(message, details);
  }
}

/** The agent or the engine did not do its part. */
export class Upstream extends DomainError {
  readonly kind = 'upstream';
  constructor(
    message: string,
    readonly code: string = 'upstream_failed',
    options?: ErrorOptions & { readonly details?: Readonly<Record<string, unknown>> },
  ) {
    super(message, options?.details, options);
  }
}

/** We cannot serve this now; trying again later may help. */
export class Unavailable extends DomainError {
  readonly kind = 'unavailable';
  constructor(
    message: string,
    readonly code: string = 'unavailable',
    readonly retryAfterSeconds: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, undefined, options);
  }
}

/** Something the caller asked us to wait for took longer than allowed. */
export class TimedOut extends DomainError {
  readonly kind = 'timeout';
  constructor(
    message: string,
    readonly code: string = 'timed_out',
  ) {
    super(message);
  }
}

/** HTTP itself was wrong: 405, 413, 415. Carries its status and extra headers. */
export class BadRequestForm extends DomainError {
  readonly kind = 'request';
  readonly code = 'bad_request';
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** Ours to fix. The cause is logged and never sent. */
export class Unexpected extends DomainError {
  readonly kind = 'internal';
  readonly code = 'internal_error';
  constructor(cause: unknown, message = 'Internal server error') {
    super(message, undefined, { cause });
  }
}
