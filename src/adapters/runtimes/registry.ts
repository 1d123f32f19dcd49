import type { Config } from '../../config/config.js';
import { Invalid } from '../../core/errors/domain-error.js';
import { Runtimes, type AgentRuntime } from '../../core/runtimes/runtime.port.js';
import { claudeCode } from './claude-code.runtime.js';
import { codex } from './codex.runtime.js';
import { geminiCli } from './gemini-cli.runtime.js';
import { opencode } from './opencode.runtime.js';

export const builtInRuntimes: readonly AgentRuntime[] = [claudeCode, opencode, geminiCli, codex];

/** The runtimes of this installation. A new one is a file beside this and a word in the list above. */
export class RuntimeRegistry extends Runtimes {
  private readonly byName: ReadonlyMap<string, AgentRuntime>;
  readonly names: readonly string[];
  readonly fallback: string;

  constructor(config: Config, runtimes: readonly AgentRuntime[] = builtInRuntimes) {
    super();
    this.byName = new Map(runtimes.map((runtime) => [runtime.name, runtime]));
    this.names = [...this.byName.keys()];
    this.fallback = fallbackOf(config, runtimes);
  }

  find(name: string): AgentRuntime | null {
    return this.byName.get(name) ?? null;
  }

  get(name: string): AgentRuntime {
    const runtime = this.find(name);
    if (runtime) return runtime;
    throw new Invalid(`Unknown runtime. Supported: ${this.names.join(', ')}`, [], 'unknown_runtime');
  }
}

/** The configured default; else Claude Code if it can work or the demo model serves all; else the first that can. */
function fallbackOf(config: Config, runtimes: readonly AgentRuntime[]): string {
  if (config.defaultRuntime !== null) return config.defaultRuntime;
  const configured = new Set(Object.keys(config.providers));
  const able = runtimes.filter((one) => configured.size === 0 || one.providers.some((name) => configured.has(name)));
  const first = able.find((one) => one.name === claudeCode.name) ?? able[0] ?? runtimes[0];
  return first?.name ?? claudeCode.name;
}
