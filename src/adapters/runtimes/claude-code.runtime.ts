import type { AgentRuntime } from '../../core/runtimes/runtime.port.js';

/** Claude Code through its ACP adapter, which bundles the program itself. */
export const claudeCode: AgentRuntime = {
  name: 'claude-code',
  title: 'Claude Code',
  providers: ['anthropic'],
  canAsk: true,
  ownVariables: [
    'CLAUDE_CONFIG_DIR',
    'CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC',
    'DISABLE_AUTOUPDATER',
    'ANTHROPIC_MODEL',
  ],
  needsInnerPort: false,
  takesPrivate: true,
  stores: ['.claude', '.cache/claude'],
  authMethod: null,
  launch({ model, endpoint, home, readOnly }) {
    const chosen = model ?? (endpoint.demo || endpoint.baseUrl ? endpoint.defaultModel : null);
    return {
      argv: ['claude-agent-acp'],
      env: {
        ...(endpoint.apiKey ? { ANTHROPIC_API_KEY: endpoint.apiKey.reveal() } : {}),
        ...(endpoint.oauthToken ? { CLAUDE_CODE_OAUTH_TOKEN: endpoint.oauthToken.reveal() } : {}),
        ...(endpoint.baseUrl ? { ANTHROPIC_BASE_URL: endpoint.baseUrl } : {}),
        ...(chosen ? { ANTHROPIC_MODEL: chosen } : {}),
        // Its settings file lies beside that folder otherwise, where nothing can be written.
        ...(readOnly ? { CLAUDE_CONFIG_DIR: `${home}/.claude` } : {}),
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
      },
      files: [],
    };
  },
  sessionMeta({ instructions, allowedTools }) {
    const meta = {
      ...(instructions ? { systemPrompt: { append: instructions } } : {}),
      ...(allowedTools ? { claudeCode: { options: { tools: allowedTools } } } : {}),
    };
    return Object.keys(meta).length > 0 ? meta : null;
  },
  canRestrictTools: true,
  knownModels: ['sonnet', 'opus', 'haiku'],
  modeFor: (approvals) => (approvals === 'auto' ? 'bypassPermissions' : 'default'),
  // The adapter brings the program along, but puts no name for it where shells look.
  terminalPrograms: [
    'claude',
    '/opt/node/lib/node_modules/@agentclientprotocol/claude-agent-acp/node_modules/@anthropic-ai/claude-agent-sdk-linux-*/claude',
  ],
  questions: null,
};
