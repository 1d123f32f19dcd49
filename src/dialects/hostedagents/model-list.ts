import { Injectable } from '@nestjs/common';
import { Config, type ProviderName } from '../../config/config.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { Invalid } from '../../core/errors/domain-error.js';
import { isWithoutProvider } from '../../core/runtimes/model.rules.js';
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
    private readonly config: Config,
    private readonly models: Models,
    private readonly runtimes: Runtimes,
  ) {
    this.ids = config.hostedagents.models ?? this.fitting(this.configured);
  }

  /** What an agent gets that names none. */
  get standard(): string {
    return this.ids[0] ?? demo;
  }

  /** The model of an agent, as this API says it: what it uses. One that another API gave it may be on no list. */
  of({ model, provider, runtime }: Pick<Agent, 'model' | 'provider' | 'runtime'>): string {
    const serving = this.servingOf(runtime);
    if (model === null) return serving ?? this.standard;
    const found = this.runtimes.find(runtime);
    if (serving !== null && found && isWithoutProvider(provider, found, this.models)) return serving;
    if (provider !== null) return `${provider}/${model}`;
    return this.ids.find((id) => id.endsWith(`/${model}`)) ?? model;
  }

  /** A model somebody named; the default for nobody's. Throws `Invalid` for one that is not on the list. */
  chosen(named: string | null | undefined): { readonly provider: string | null; readonly model: string | null } {
    const id = named ?? this.standard;
    // It stands in until a provider is configured: what uses it goes on with that one's default then.
    if (id === demo && this.ids.includes(demo)) return { provider: null, model: null };
    if (!this.ids.includes(id)) {
      const message = 'model is not on the list: GET /api/v1/models names the models of this server';
      throw new Invalid(message, [{ field: 'model', message, place: 'body' }]);
    }
    const slash = id.indexOf('/');
    return { provider: id.slice(0, slash), model: id.slice(slash + 1) };
  }

  /** Throws `Invalid` where other runtimes of this server use models of that provider, and this one does not. */
  requireServed(runtime: string, provider: string | null): void {
    const serves = (name: string): boolean =>
      this.runtimes.find(name)?.providers.some((one) => one === provider && this.models.has(one)) ?? false;
    if (provider === null || serves(runtime) || !this.runtimes.names.some(serves)) return;
    const title = this.runtimes.find(runtime)?.title ?? runtime;
    const message = `model cannot be used by this agent: ${title} does not use models of ${provider}`;
    throw new Invalid(message, [{ field: 'model', message, place: 'body' }]);
  }

  /**
   * A runtime that can ask a person, keeps a hidden prompt hidden, and is served by the model's provider; the default one
   * if it can. Throws `Invalid` where there is none.
   */
  runtimeFor(provider: string | null, hidden: boolean): string {
    const { fallback, names } = this.runtimes;
    const able = [fallback, ...names].flatMap((name) => {
      const runtime = this.runtimes.find(name);
      const served = runtime?.providers.filter((one) => this.models.has(one)) ?? [];
      const fits = runtime?.canAsk && served.length > 0 && (!hidden || runtime.takesPrivate);
      return fits ? [{ name, served }] : [];
    });
    const found = able.find(({ served }) => served.some((one) => one === provider)) ?? able[0];
    if (found) return found.name;
    throw new Invalid('No runtime of this server can do that with the model providers it has', [], 'no_runtime');
  }

  /** What a runtime uses where nobody chose a model; null: it has no provider. */
  private servingOf(runtime: string): string | null {
    if (this.configured.length === 0) return demo;
    const provider = this.runtimes.find(runtime)?.providers.find((name) => this.models.has(name));
    return provider === undefined ? null : `${provider}/${this.models.defaultModel(provider)}`;
  }

  private get configured(): ProviderName[] {
    return Object.keys(this.config.providers) as ProviderName[];
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
