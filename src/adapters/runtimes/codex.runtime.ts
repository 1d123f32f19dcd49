import type { AgentRuntime } from '../../core/runtimes/runtime.port.js';

/**
 * Codex through its ACP adapter. Its own sandbox cannot start in a container and its default mode asks a model instead
 * of a person, so it always runs with full access inside the container, and `approvals: ask` is refused.
 */
export const codex: AgentRuntime = {
  name: 'codex',
  title: 'Codex',
  providers: ['openai'],
  canAsk: false,
  needsInnerPort: false,
  authMethod: null,
  launch({ model, endpoint, instructions }) {
    const lines = [
      `model = ${JSON.stringify(model ?? endpoint.defaultModel)}`,
      'model_provider = "flotilla"',
      'approval_policy = "on-request"',
      'sandbox_mode = "danger-full-access"',
      '[model_providers.flotilla]',
      'name = "Flotilla"',
      `base_url = ${JSON.stringify(endpoint.baseUrl ?? 'https://api.openai.com/v1')}`,
      'env_key = "OPENAI_API_KEY"',
      'wire_api = "responses"',
      'requires_openai_auth = false',
    ];
    return {
      argv: ['codex-acp'],
      env: { OPENAI_API_KEY: endpoint.apiKey?.reveal() ?? 'none' },
      files: [
        { path: '.codex/config.toml', content: `${lines.join('\n')}\n` },
        ...(instructions ? [{ path: '.codex/AGENTS.md', content: instructions }] : []),
      ],
    };
  },
  sessionMeta: () => null,
  modeFor: () => 'agent-full-access',
  questions: null,
};
