import type { ProviderName } from '../../config/config.js';
import type { Secret } from '../credentials/secret.js';

/** How a runtime reaches a provider's models. */
export interface ModelEndpoint {
  readonly provider: ProviderName;
  /** The scripted demo model answers, because no provider is configured at all. */
  readonly demo: boolean;
  /**
   * As the vendor's own tools expect it: OpenAI's ends in `/v1`, Anthropic's and Google's have no version.
   * null: the vendor's own server.
   */
  readonly baseUrl: string | null;
  readonly apiKey: Secret | null;
  /** A subscription token instead of a key (Anthropic only). */
  readonly oauthToken: Secret | null;
  /** What an agent without a model of its own uses. */
  readonly defaultModel: string;
}

/** Base URLs of the vendors' own servers, for runtimes that have to be told. */
export const vendorBaseUrls: Readonly<Record<ProviderName, string>> = {
  anthropic: 'https://api.anthropic.com',
  openai: 'https://api.openai.com/v1',
  google: 'https://generativelanguage.googleapis.com',
};

/** Names under which the vendors' own tools look for keys and addresses in the environment. */
export const vendorVariables: Readonly<
  Record<ProviderName, { readonly key: string; readonly baseUrl: string; readonly more: readonly string[] }>
> = {
  anthropic: {
    key: 'ANTHROPIC_API_KEY',
    baseUrl: 'ANTHROPIC_BASE_URL',
    more: ['ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN', 'ANTHROPIC_MODEL'],
  },
  openai: { key: 'OPENAI_API_KEY', baseUrl: 'OPENAI_BASE_URL', more: [] },
  google: { key: 'GEMINI_API_KEY', baseUrl: 'GOOGLE_GEMINI_BASE_URL', more: ['GOOGLE_API_KEY'] },
};

/** The model servers that agents may use: the configured providers, or the demo model when there is none. */
export abstract class Models {
  /**
   * Where processes inside an instance reach this provider; null if it is not configured while others are.
   * `hostAddress` is the address of this machine as instances see it. Starts what is needed: throws `Unavailable`
   * if that fails.
   */
  abstract endpoint(provider: ProviderName, hostAddress: string): Promise<ModelEndpoint | null>;

  /** Whether `endpoint` would answer, without starting anything. */
  abstract has(provider: ProviderName): boolean;

  /** The model of a provider that is used where nobody names one. */
  abstract defaultModel(provider: ProviderName): string;

  /** In words for the start line: "demo model (scripted, no provider configured)", or the providers in use. */
  abstract describe(): string;

  /** Starts or finds again the process behind demo model and relay, if one is needed. Throws `Unavailable`. */
  abstract ensure(hostAddress: string): Promise<void>;

  /** Ends that process. For tests: otherwise it outlives the server on purpose. */
  abstract stop(): Promise<void>;
}
