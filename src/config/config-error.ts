/** The environment cannot be used. `problems` holds one sentence per mistake, and never a rejected secret. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}
