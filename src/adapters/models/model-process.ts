import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Config, type ProviderConfig, type ProviderName } from '../../config/config.js';
import { Clock } from '../../core/clock.port.js';
import { Secret } from '../../core/credentials/secret.js';
import { type ModelEndpoint, Models } from '../../core/runtimes/models.port.js';
import { isLoopback, loopbackTargets, relayPrefix } from '../../demo-model/relay.js';
import { type ModelState, readState } from '../../demo-model/state.js';
import { endProcess, isHealthy, listenOn, spawnProcess } from './process-control.js';

/** Path of the model process's entry point. Tests point it at a copy they compiled themselves. */
export const MODEL_ENTRY = Symbol('MODEL_ENTRY');

const watchMs = 15_000;
const demoModel = 'demo-1';

/** What each vendor's own tools propose today; `FLOTILLA_DEFAULT_MODEL` overrules. */
const currentModels: Readonly<Record<ProviderName, string>> = {
  anthropic: 'claude-opus-5-5',
  openai: 'gpt-6-sol',
  google: 'gemini-2.5-pro',
};

/**
 * `Models` over a process of its own, which serves the demo model and relays to model servers on this machine's
 * loopback. It outlives the server, so that turns go on while the server restarts; the next server finds it by its
 * state file and replaces it only if the configuration or its code has changed.
 */
@Injectable()
export class ModelProcess extends Models implements OnApplicationShutdown {
  private readonly logger = new Logger('Models');
  private readonly targets: Readonly<Record<string, string>>;
  private readonly isDemo: boolean;
  private starting: Promise<ModelState> | null = null;
  private hash: string | null = null;
  private stopWatching: (() => void) | null = null;

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    @Inject(MODEL_ENTRY) private readonly entry: string,
  ) {
    super();
    const names = providerNames(config);
    this.isDemo = names.length === 0;
    const baseUrls = names.flatMap((name) => {
      const url = conventional(name, config.providers[name]?.baseUrl ?? null);
      return url === null ? [] : [[name, url] as const];
    });
    this.targets = loopbackTargets(Object.fromEntries(baseUrls));
  }

  has(provider: ProviderName): boolean {
    return this.isDemo || this.config.providers[provider] !== undefined;
  }

  async endpoint(provider: ProviderName, hostAddress: string): Promise<ModelEndpoint | null> {
    if (this.isDemo) return this.demoEndpoint(provider, await this.address(hostAddress));
    const configured = this.config.providers[provider];
    if (!configured) return null;
    const baseUrl = conventional(provider, configured.baseUrl);
    return {
      provider,
      demo: false,
      baseUrl: baseUrl === null ? null : await this.reachable(provider, baseUrl, hostAddress),
      apiKey: configured.apiKey ?? placeholderKey(configured),
      oauthToken: configured.oauthToken,
      defaultModel: this.defaultModel(provider),
    };
  }

  defaultModel(provider: ProviderName): string {
    return this.config.defaultModel ?? currentModels[provider];
  }

  describe(): string {
    if (this.isDemo) return 'demo model (scripted, no provider configured)';
    return providerNames(this.config)
      .map((name) => {
        const baseUrl = this.config.providers[name]?.baseUrl;
        return baseUrl ? `${name} at ${withoutPassword(baseUrl)}` : name;
      })
      .join(', ');
  }

  async ensure(hostAddress: string): Promise<void> {
    if (this.isNeeded) {
      await this.address(hostAddress);
      return;
    }
    const leftOver = readState(this.config.dataDir);
    if (leftOver && (await isHealthy(leftOver, leftOver.configHash))) await endProcess(leftOver);
  }

  async stop(): Promise<void> {
    this.stopWatching?.();
    this.stopWatching = null;
    await this.starting?.catch(() => undefined);
    const state = readState(this.config.dataDir);
    if (state) await endProcess(state);
  }

  /** The process stays; only the watch over it ends. */
  onApplicationShutdown(): void {
    this.stopWatching?.();
    this.stopWatching = null;
  }

  private get isNeeded(): boolean {
    return this.isDemo || Object.keys(this.targets).length > 0;
  }

  private demoEndpoint(provider: ProviderName, origin: string): ModelEndpoint {
    return {
      provider,
      demo: true,
      baseUrl: provider === 'openai' ? `${origin}/v1` : origin,
      apiKey: new Secret('flotilla-demo'),
      oauthToken: null,
      defaultModel: this.config.defaultModel ?? demoModel,
    };
  }

  /** This machine's loopback is another machine's inside a container: there the relay stands in. */
  private async reachable(provider: ProviderName, baseUrl: string, hostAddress: string): Promise<string> {
    if (!(provider in this.targets) || isLoopback(hostAddress)) return baseUrl;
    const { pathname } = new URL(baseUrl);
    return `${await this.address(hostAddress)}${relayPrefix}${provider}${pathname === '/' ? '' : pathname}`;
  }

  /** The running process's origin as seen from `hostAddress`; starts it if need be. */
  private async address(hostAddress: string): Promise<string> {
    const state = await this.running();
    const port = isLoopback(hostAddress) ? state.port : await listenOn(state, hostAddress);
    const host = isLoopback(hostAddress) ? '127.0.0.1' : hostAddress;
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  private running(): Promise<ModelState> {
    this.starting ??= this.findOrStart().finally(() => {
      this.starting = null;
    });
    return this.starting;
  }

  private async findOrStart(): Promise<ModelState> {
    const { dataDir } = this.config;
    const hash = this.configHash();
    const found = readState(dataDir);
    if (found && (await isHealthy(found, hash))) {
      this.watch();
      return found;
    }
    if (found) await endProcess(found);
    const started = await spawnProcess(this.entry, dataDir, {
      configHash: hash,
      targets: this.targets,
      listeners: found?.listeners ?? {},
    });
    this.logger.log(`Started the model process (pid ${started.pid}, port ${started.port})`);
    this.watch();
    return started;
  }

  /** Agents at work call the process directly, so it has to come back even if nobody asks for an endpoint. */
  private watch(): void {
    this.stopWatching ??= this.clock.after(watchMs, () => {
      this.stopWatching = null;
      this.running().catch((error: unknown) => {
        this.logger.warn(`The model process cannot be started: ${error instanceof Error ? error.message : 'unknown'}`);
        this.watch();
      });
    });
  }

  /** Covers what it serves and its code: an upgrade replaces a process of the version before. */
  private configHash(): string {
    if (this.hash !== null) return this.hash;
    const hash = createHash('sha256').update(JSON.stringify(this.targets));
    const folder = path.dirname(this.entry);
    const isCode = (name: string): boolean => path.extname(name) === path.extname(this.entry);
    for (const file of readdirSync(folder).filter(isCode).sort()) hash.update(readFileSync(path.join(folder, file)));
    this.hash = hash.digest('hex');
    return this.hash;
  }
}

function providerNames(config: Config): readonly ProviderName[] {
  return (['anthropic', 'openai', 'google'] as const).filter((name) => config.providers[name] !== undefined);
}

/** A base URL as the vendor's own tools expect it, whatever form the environment gave. */
function conventional(provider: ProviderName, baseUrl: string | null): string | null {
  if (baseUrl === null) return null;
  const bare = baseUrl.replace(/\/+$/, '');
  if (provider === 'openai') return bare;
  return bare.replace(provider === 'anthropic' ? /\/v1$/ : /\/v1(beta)?$/, '');
}

/** Many model servers of one's own want no key, but every runtime wants to send one. */
function placeholderKey(configured: ProviderConfig): Secret | null {
  return configured.baseUrl !== null && configured.oauthToken === null ? new Secret('no-key') : null;
}

function withoutPassword(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed) return 'its own base URL';
  return `${parsed.origin}${parsed.pathname === '/' ? '' : parsed.pathname}`;
}
