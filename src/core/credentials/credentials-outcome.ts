/** What became of a bundle that an agent's home may hold, when the agent was started. Names of files, never values. */
export type CredentialsOutcome =
  | { readonly status: 'success'; readonly files: readonly string[]; readonly variables: number }
  | { readonly status: 'skipped'; readonly reason: 'no_bundle' | 'no_key' }
  | { readonly status: 'failed'; readonly error: string };
