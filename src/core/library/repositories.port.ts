/** A repository ready to be taken somewhere, as one file. Discard it in any case. */
export interface PackedRepository {
  /** The branch to check out. */
  readonly branch: string;
  /** A git bundle with all branches and tags, in pieces. */
  read(): AsyncIterable<Buffer>;
  discard(): Promise<void>;
}

/**
 * Repositories of a git host, read with the server's own credential, which never leaves this process and its git.
 * All throw `Invalid` (`unknown_repository`) for what is not there or may not be read, `TimedOut`, `Upstream` or
 * `Unavailable` when the host or git itself fails.
 */
export abstract class Repositories {
  /** The address of a repository, without any credential. */
  abstract originOf(repository: string): string;

  /** Is it there, with this branch? */
  abstract check(repository: string, branch: string | null): Promise<void>;

  /** A small text file of the newest commit; null when there is none. */
  abstract text(repository: string, path: string): Promise<string | null>;

  abstract pack(repository: string, branch: string | null): Promise<PackedRepository>;
}
