import type { ProviderName } from '../../config/config.js';
import type { Variables } from '../credentials/environment.rules.js';
import { Secret } from '../credentials/secret.js';
import { type ModelEndpoint, vendorVariables } from './models.port.js';

/** The endpoint of an agent that brings its own keys: the first provider of its runtime that its variables have a key for. */
export function ownEndpoint(
  providers: readonly ProviderName[],
  own: Variables,
  defaultModelOf: (provider: ProviderName) => string,
): ModelEndpoint {
  const secret = (name: string): Secret | null => (own.get(name) ? new Secret(own.get(name) ?? '') : null);
  const provider = providers.find((name) => own.get(vendorVariables[name].key)) ?? providers[0] ?? 'anthropic';
  const { key, baseUrl } = vendorVariables[provider];
  return {
    provider,
    demo: false,
    baseUrl: own.get(baseUrl)?.replace(/\/+$/, '') ?? null,
    apiKey: secret(key),
    oauthToken: provider === 'anthropic' ? secret('CLAUDE_CODE_OAUTH_TOKEN') : null,
    defaultModel: defaultModelOf(provider),
  };
}

/** Without what would turn the runtime away from the provider it is given. */
export function withoutVendors(own: Variables, provider: ProviderName): Variables {
  const { key, baseUrl, more } = vendorVariables[provider];
  const taken = new Set([key, baseUrl, ...more]);
  return new Map([...own].filter(([name]) => !taken.has(name)));
}
