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
  ownVariables: ['CODEX_*'],
  needsInnerPort: false,
  stores: ['.codex', '.cache/codex'],
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
  terminalPrograms: ['codex'],
  questions: null,
  readUpdate,
};

interface CodexUpdate {
  readonly sessionUpdate?: unknown;
  readonly messageId?: unknown;
  readonly content?: { readonly text?: unknown };
  readonly _meta?: { readonly codex?: { readonly threadStatus?: { readonly type?: unknown } } };
}

/**
 * The adapter sends Codex's own warnings (a model it has no data of, a sandbox that cannot start) as if the agent had said
 * them, but without a message id. A model's failure is a thread status, then the error as text, then an ordinary end.
 */
function readUpdate(update: CodexUpdate): 'ignore' | 'failing' | null {
  const { sessionUpdate, messageId, content, _meta } = update;
  if (sessionUpdate === 'session_info_update') {
    return _meta?.codex?.threadStatus?.type === 'systemError' ? 'failing' : null;
  }
  const text = content?.text;
  const own = sessionUpdate === 'agent_message_chunk' && messageId === undefined && typeof text === 'string';
  return own && text.startsWith('Warning: ') ? 'ignore' : null;
}
