import type { Connection } from './connection.js';

/** The part of the engine's description that says how well it can wall containers off. */
interface Described {
  readonly SecurityOptions?: readonly string[];
  readonly SwapLimit?: boolean;
  readonly MemoryLimit?: boolean;
  readonly CpuCfsQuota?: boolean;
  readonly PidsLimit?: boolean;
}

/** What weakens isolation or limits on this engine, one sentence each. */
export function warningsOf(info: unknown, engine: Connection): readonly string[] {
  const described = info as Described;
  const security = described.SecurityOptions ?? [];
  const has = (name: string): boolean => security.some((option) => option.startsWith(`name=${name}`));
  const warnings: string[] = [];
  if (!engine.encrypted)
    warnings.push('The connection to the engine is not encrypted: use TLS certificates or ssh://.');
  if (!engine.local) {
    warnings.push(
      'The engine is on another machine: what listens on this machine only (demo model, relay) is out of reach.',
    );
  }
  if (!has('seccomp')) warnings.push('The engine filters no system calls (seccomp is off).');
  if (!has('userns') && !has('rootless')) {
    warnings.push('The engine uses no user namespaces: root in a container is root on the host, without capabilities.');
  }
  if (described.MemoryLimit === false) warnings.push('The engine cannot limit memory.');
  if (described.SwapLimit === false) warnings.push('The engine cannot limit swap: memory limits do not count it.');
  if (described.CpuCfsQuota === false) warnings.push('The engine cannot limit CPU time.');
  if (described.PidsLimit === false) warnings.push('The engine cannot limit the number of processes.');
  return warnings;
}
