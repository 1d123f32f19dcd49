import type {
  AgentRuntime,
  AskedQuestion,
  InnerCall,
  LaunchContext,
  QuestionBridge,
} from '../../core/runtimes/runtime.port.js';

interface Provider {
  readonly id: string;
  readonly definition: Record<string, unknown>;
}

/** OpenCode: one native binary with ACP built in. Its questions are answered over its inner HTTP server. */
export const opencode: AgentRuntime = {
  name: 'opencode',
  title: 'OpenCode',
  providers: ['openai', 'anthropic', 'google'],
  canAsk: true,
  ownVariables: ['OPENCODE_*'],
  needsInnerPort: true,
  takesPrivate: true,
  stores: ['.local/share/opencode', '.local/state/opencode', '.cache/opencode', '.config/opencode', '.config/flotilla'],
  authMethod: null,
  launch(context) {
    return {
      argv: ['opencode', 'acp', '--hostname', '127.0.0.1', '--port', String(context.innerPort)],
      env: {
        OPENCODE_CONFIG_CONTENT: JSON.stringify(configOf(context)),
        OPENCODE_SERVER_PASSWORD: context.innerPassword,
        OPENCODE_ENABLE_QUESTION_TOOL: '1',
        OPENCODE_DISABLE_AUTOUPDATE: '1',
      },
      files: context.instructions ? [{ path: instructionsFile, content: context.instructions }] : [],
    };
  },
  sessionMeta: () => null,
  modeFor: () => null,
  questions: bridge(),
  terminalPrograms: ['opencode'],
  costCountsFrom: 'conversation',
};

const instructionsFile = '.config/flotilla/instructions.md';

function configOf(context: LaunchContext): Record<string, unknown> {
  const model = context.model ?? context.endpoint.defaultModel;
  const provider = providerOf(context, model);
  const name = `${provider.id}/${model}`;
  const rule = context.approvals === 'ask' ? 'ask' : 'allow';
  const instructions = [
    ...(context.instructions ? [`${context.home}/${instructionsFile}`] : []),
    ...(context.privateFile ? [context.privateFile.path] : []),
  ];
  return {
    autoupdate: false,
    share: 'disabled',
    model: name,
    small_model: name, // title generation would otherwise look for a model elsewhere
    enabled_providers: [provider.id],
    provider: { [provider.id]: provider.definition },
    permission: { edit: rule, bash: rule, webfetch: rule, external_directory: rule },
    ...(instructions.length > 0 ? { instructions } : {}),
  };
}

function providerOf({ endpoint }: LaunchContext, model: string): Provider {
  const apiKey = endpoint.apiKey?.reveal() ?? 'none';
  const models = { [model]: { name: model, limit: { context: 128_000, output: 8192 } } };
  const options = { apiKey, ...(endpoint.baseUrl ? { baseURL: baseUrlOf(endpoint.provider, endpoint.baseUrl) } : {}) };
  if (endpoint.provider === 'openai' && endpoint.baseUrl) {
    return { id: 'custom', definition: { npm: '@ai-sdk/openai-compatible', name: 'Custom', options, models } };
  }
  return { id: endpoint.provider, definition: { options, ...(endpoint.baseUrl ? { models } : {}) } };
}

/** OpenCode's SDKs want the version in the path; the usual environment variables leave it out. */
function baseUrlOf(provider: string, url: string): string {
  if (provider === 'anthropic') return /\/v1$/.test(url) ? url : `${url}/v1`;
  if (provider === 'google') return /\/v1beta$/.test(url) ? url : `${url}/v1beta`;
  return url;
}

interface RawQuestion {
  readonly question?: unknown;
  readonly header?: unknown;
  readonly multiple?: unknown;
  /** False: only its options will do. */
  readonly custom?: unknown;
  readonly options?: readonly { readonly label?: unknown; readonly description?: unknown }[];
}

function bridge(): QuestionBridge {
  return {
    questionsIn({ title, rawInput }) {
      const questions = (rawInput as { questions?: unknown } | null | undefined)?.questions;
      if (!Array.isArray(questions) || questions.length === 0) return null;
      if (title !== 'question' && !questions.every((one: RawQuestion) => Array.isArray(one.options))) return null;
      return questions.map((one: RawQuestion, index) => questionOf(one, index));
    },
    listCall: (context) => call(context, '/question', null),
    findId(output, toolCallId) {
      const waiting = parsed(output);
      if (!Array.isArray(waiting)) return null;
      const match = waiting.find((one: { tool?: { callID?: unknown } }) => one.tool?.callID === toolCallId) as
        { id?: unknown } | undefined;
      return typeof match?.id === 'string' && /^[\w-]+$/.test(match.id) ? match.id : null;
    },
    answerCall: (context, id, answers) =>
      answers ? call(context, `/question/${id}/reply`, { answers }) : call(context, `/question/${id}/reject`, {}),
  };
}

function questionOf(one: RawQuestion, index: number): AskedQuestion {
  const options = one.options ?? [];
  return {
    key: `question_${index}`,
    text: textOf(one.question),
    header: typeof one.header === 'string' ? one.header : null,
    options: options.map(({ label, description }) => ({
      value: textOf(label),
      label: textOf(label),
      description: typeof description === 'string' ? description : null,
    })),
    multiple: one.multiple === true,
    freeText: one.custom !== false || options.length === 0,
  };
}

/** curl reads its configuration from standard input, so that the password is in no argument list. */
function call(
  { innerPort, innerPassword }: { innerPort: number; innerPassword: string },
  path: string,
  body: unknown,
): InnerCall {
  const lines = [
    `url = "http://127.0.0.1:${innerPort}${path}"`,
    `user = "opencode:${innerPassword}"`,
    'silent',
    'show-error',
    'fail',
    'max-time = 10',
    'header = "content-type: application/json"',
  ];
  if (body !== null) lines.push(`data = ${JSON.stringify(JSON.stringify(body))}`);
  return { argv: ['curl', '-K', '-'], stdin: `${lines.join('\n')}\n` };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
