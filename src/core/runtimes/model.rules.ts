import type { Models } from './models.port.js';
import type { AgentRuntime } from './runtime.port.js';

/**
 * Whether a model's own provider is one that the runtime uses and that is configured no more. Its name means nothing to
 * the provider that serves instead: that one's default is used until the model's own is back.
 */
export const isWithoutProvider = (
  provider: string | null,
  runtime: Pick<AgentRuntime, 'providers'>,
  models: Pick<Models, 'has'>,
): boolean => runtime.providers.some((name) => name === provider && !models.has(name));
