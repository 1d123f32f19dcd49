import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.port.js';

/** Answer of one check. `reason` is a sentence for people, without secrets. */
export interface CheckResult {
  readonly ok: boolean;
  readonly reason?: string;
}

export type HealthCheck = () => CheckResult | Promise<CheckResult>;

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** Milliseconds after which a check that says nothing has failed. */
const patience = 3000;

/** Whether this server can do its work now. Whoever knows a condition registers a check under a name. */
@Injectable()
export class HealthService {
  private readonly checks = new Map<string, HealthCheck>();

  constructor(private readonly clock: Clock) {}

  /** A later registration under the same name replaces the earlier one. */
  register(name: string, check: HealthCheck): void {
    this.checks.set(name, check);
  }

  async readiness(): Promise<Readiness> {
    const names = [...this.checks.keys()].sort();
    const results = await Promise.all(names.map(async (name) => [name, await this.run(name)] as const));
    return { ready: results.every(([, { ok }]) => ok), checks: Object.fromEntries(results) };
  }

  private async run(name: string): Promise<CheckResult> {
    const check = this.checks.get(name);
    if (!check) return { ok: false, reason: 'unknown check' };
    const waiting = new AbortController();
    const late = this.clock
      .sleep(patience, waiting.signal)
      .then(() => ({ ok: false, reason: `no answer within ${patience / 1000} s` }));
    try {
      return await Promise.race([Promise.resolve(check()), late]);
    } catch (error) {
      return { ok: false, reason: error instanceof Error && error.message ? error.message : 'the check failed' };
    } finally {
      late.catch(() => undefined);
      waiting.abort();
    }
  }
}
