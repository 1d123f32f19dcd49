import { Injectable } from '@nestjs/common';
import { Config, type ProviderName } from '../../config/config.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { Models } from '../../core/runtimes/models.port.js';
import { Runtimes } from '../../core/runtimes/runtime.port.js';

/** What this API's document lists (contract 2.1). */
const documented = [
  'opencode/nemotron-3-super-free',
  'opencode/minimax-m2.5-free',
  'opencode/big-pickle',
  'opencode/mimo-v2-flash-free',
  'anthropic/claude-opus-4-6',
  'anthropic/claude-sonnet-4-6',
];
/** The scripted model answers to every name. */
const demo = 'demo/demo-1';

/**
 * Models as this API names them: `provider/model`. The list is the server's setting; without one it begins with what the
 * configured provider uses, so that the default works, and goes on with the documented ones that provider has.
 */
@Injectable()
export class ModelList {
  readonly ids: readonly string[];

  constructor(
    config: Config,
    private readonly models: Models,
    private readonly runtimes: Runtimes,
  ) {
    this.ids = config.hostedagents.models ?? this.fitting(Object.keys(config.providers) as ProviderName[]);
  }

  /** What an agent gets that names none. */
  get standard(): string {
    return this.ids[0] ?? demo;
  }

  /** The model of an agent, as this API says it. */
  of({ model }: Pick<Agent, 'model'>): string {
    if (model === null) return this.standard;
    return this.ids.find((id) => id.endsWith(`/${model}`)) ?? model;
  }

  private fitting(configured: readonly ProviderName[]): string[] {
    if (configured.length === 0) return [demo, ...documented];
    // The runtime that agents get by default prefers some providers to others.
    const preferred = this.runtimes.find(this.runtimes.fallback)?.providers ?? [];
    const able = [...preferred, ...configured].filter((name) => configured.includes(name));
    const own = able.map((name) => `${name}/${this.models.defaultModel(name)}`);
    return [...new Set([...own, ...documented.filter((id) => able.some((name) => id.startsWith(`${name}/`)))])];
  }
}
