import http from 'node:http';
import { anthropicFormat } from './format-anthropic.js';
import type { AddressInfo } from 'node:net';
import { until } from '../../test/support/until.js';
import { textOf } from './conversation.js';
import { requestHandler } from './server.js';

const lines: string[] = [];
const server = http.createServer(requestHandler({ targets: {}, control: null, log: (line) => lines.push(line) }));
let origin = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const post = (path: string, body: unknown): Promise<Response> =>
  fetch(`${origin}${path}`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
/** The data of a stream's events, parsed. */
async function events(response: Response): Promise<unknown[]> {
  const data = [...(await response.text()).matchAll(/^data: (.*)$/gm)].map((match) => match[1] ?? '');
  return data.map((text): unknown => (text === '[DONE]' ? text : JSON.parse(text)));
}
/** What lies at a path such as `choices.0.message`; a negative number counts from the end. */
function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => {
    if (Array.isArray(inner)) return inner.at(Number(key)) as unknown;
    return typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined;
  }, value);
}
const list = (value: unknown, path = ''): unknown[] => {
  const found = path === '' ? value : at(value, path);
  return Array.isArray(found) ? found : [];
};
const having = (values: unknown[], path: string, wanted?: unknown): unknown[] =>
  values.filter((value) => (wanted === undefined ? at(value, path) !== undefined : at(value, path) === wanted));
const joined = (values: unknown[], path: string): string => values.map((value) => textOf(at(value, path))).join('');
const json = (value: unknown): unknown => (value === '' ? undefined : JSON.parse(String(value)));

const script = 'Do it. <<say Hello>> <<bash ls>> <<say Bye>>';
const schema = { type: 'object', properties: { command: { type: 'string' } } };

/** One conversation in the words of each wire format, and where its answer holds text, call and usage. */
const formats = [
  {
    name: 'chat',
    path: '/v1/chat/completions',
    body: (results: number, text = script, stream = false) => ({
      model: 'm',
      stream,
      messages: [
        { role: 'system', content: 'x' },
        { role: 'user', content: [{ type: 'text', text }] },
        ...Array.from({ length: results }, () => ({ role: 'tool', tool_call_id: 'c', content: 'ok' })),
      ],
      tools: [{ type: 'function', function: { name: 'bash', parameters: schema } }],
    }),
    whole: (body: unknown) => ({
      text: at(body, 'choices.0.message.content'),
      call: at(body, 'choices.0.message.tool_calls.0.function'),
      end: at(body, 'choices.0.finish_reason'),
      tokens: [at(body, 'usage.prompt_tokens'), at(body, 'usage.completion_tokens')],
    }),
    streamed: (all: unknown[]) => {
      const choices = all.map((event) => at(event, 'choices.0'));
      const name = having(choices, 'delta.tool_calls.0.function.name').map((choice) =>
        at(choice, 'delta.tool_calls.0.function.name'),
      )[0];
      return {
        text: joined(choices, 'delta.content'),
        call: name ? { name, arguments: joined(choices, 'delta.tool_calls.0.function.arguments') } : undefined,
        end: at(choices, '-3.finish_reason'),
        tokens: [at(all, '-2.usage.prompt_tokens'), at(all, '-2.usage.completion_tokens')],
      };
    },
    ends: ['tool_calls', 'stop'],
    call: { name: 'bash', arguments: '{"command":"ls"}' },
  },
  {
    name: 'responses',
    path: '/v1/responses',
    body: (results: number, text = script, stream = false) => ({
      model: 'm',
      stream,
      instructions: 'x',
      input: [
        { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
        ...Array.from({ length: results }, () => ({ type: 'function_call_output', call_id: 'c', output: 'ok' })),
      ],
      tools: [{ type: 'function', name: 'exec_command', parameters: { properties: { cmd: {} } } }],
    }),
    whole: responsesParts,
    streamed: (all: unknown[]) => {
      expect(all.map((event) => at(event, 'sequence_number'))).toEqual(all.map((_, index) => index));
      expect(at(all, '-1.type')).toBe('response.completed');
      const parts = responsesParts(at(all, '-1.response'));
      expect(joined(having(all, 'type', 'response.output_text.delta'), 'delta')).toBe(parts.text);
      return parts;
    },
    ends: ['completed', 'completed'],
    call: { name: 'exec_command', arguments: '{"cmd":"ls"}' },
  },
  {
    name: 'anthropic',
    path: '/v1/messages?beta=true',
    body: (results: number, text = script, stream = false) => ({
      model: 'm',
      stream,
      system: [{ type: 'text', text: 'x' }],
      messages: [
        { role: 'user', content: [{ type: 'text', text }] },
        { role: 'system', content: [{ type: 'text', text: 'Primary working directory: /w' }] },
        ...Array.from({ length: results }, () => ({ role: 'user', content: [{ type: 'tool_result', content: 'ok' }] })),
      ],
      tools: [{ name: 'Bash', input_schema: schema }],
    }),
    whole: (body: unknown) => ({
      text: joined(list(body, 'content'), 'text'),
      call: at(having(list(body, 'content'), 'type', 'tool_use'), '0.input'),
      end: at(body, 'stop_reason'),
      tokens: [at(body, 'usage.input_tokens'), at(body, 'usage.output_tokens')],
    }),
    streamed: (all: unknown[]) => {
      expect(all.at(-1)).toEqual({ type: 'message_stop' });
      return {
        text: joined(all, 'delta.text'),
        call: json(joined(all, 'delta.partial_json')),
        end: at(all, '-2.delta.stop_reason'),
        tokens: [at(all, '0.message.usage.input_tokens'), at(all, '-2.usage.output_tokens')],
      };
    },
    ends: ['tool_use', 'end_turn'],
    call: { command: 'ls' },
  },
  {
    name: 'gemini',
    path: '/v1beta/models/m:generateContent',
    streamPath: '/v1beta/models/m:streamGenerateContent?alt=sse&key=very-secret',
    body: (results: number, text = script) => ({
      systemInstruction: { parts: [{ text: 'x' }] },
      contents: [
        { role: 'user', parts: [{ text }] },
        ...Array.from({ length: results }, () => ({ role: 'user', parts: [{ functionResponse: { name: 'x' } }] })),
      ],
      tools: [{ functionDeclarations: [{ name: 'run_shell_command', parametersJsonSchema: schema }] }],
    }),
    whole: (body: unknown) => geminiParts([body]),
    streamed: geminiParts,
    ends: ['STOP', 'STOP'],
    call: { command: 'ls' },
  },
];

function responsesParts(body: unknown): { text: unknown } & Record<string, unknown> {
  const output = list(body, 'output');
  const call = having(output, 'type', 'function_call')[0];
  return {
    text: joined(having(output, 'type', 'message'), 'content.0.text'),
    call: call && { name: at(call, 'name'), arguments: at(call, 'arguments') },
    end: at(body, 'status'),
    tokens: [at(body, 'usage.input_tokens'), at(body, 'usage.output_tokens')],
  };
}

function geminiParts(all: unknown[]): unknown {
  const parts = all.flatMap((event) => list(event, 'candidates.0.content.parts'));
  return {
    text: joined(parts, 'text'),
    call: at(having(parts, 'functionCall'), '0.functionCall.args'),
    end: at(all, '-1.candidates.0.finishReason'),
    tokens: [at(all, '-1.usageMetadata.promptTokenCount'), at(all, '-1.usageMetadata.candidatesTokenCount')],
  };
}

describe.each(formats)('$name over HTTP', (format) => {
  const streamPath = format.streamPath ?? format.path;
  const tokens = [expect.any(Number), expect.any(Number)];
  const first = { text: 'Hello', call: format.call, end: format.ends[0], tokens };
  const last = { text: 'Bye', call: undefined, end: format.ends[1], tokens };

  it('calls the tool, then ends, whole', async () => {
    const bodies = [await post(format.path, format.body(0)), await post(format.path, format.body(1))];
    const answers = await Promise.all(bodies.map(async (response) => format.whole(await response.json())));
    expect(answers).toEqual([first, last]);
  });

  it('calls the tool, then ends, streamed', async () => {
    const opening = await post(streamPath, format.body(0, script, true));
    expect(opening.headers.get('content-type')).toBe('text/event-stream');
    expect(format.streamed(await events(opening))).toEqual(first);
    expect(format.streamed(await events(await post(streamPath, format.body(1, script, true))))).toEqual(last);
  });

  it('answers the status of a fail step', async () => {
    const response = await post(streamPath, format.body(0, '<<fail 429>>', true));
    expect([response.status, JSON.stringify(await response.json())]).toEqual([
      429,
      expect.stringContaining('Scripted failure 429'),
    ]);
  });

  it.each(['', '{', '[]', 'null', '"text"', '{"messages":7,"input":7,"contents":7}', '{}'])(
    'refuses %j',
    async (body) => {
      const response = await post(format.path, body);
      expect(response.status).toBe(400);
      expect(await response.json()).toHaveProperty('error.message');
    },
  );

  it('survives nonsense inside a well-formed body', async () => {
    const junk = [
      null,
      7,
      'x',
      [],
      { role: 'user' },
      { role: 'user', content: 7, parts: 7, type: [] },
      { role: 7, content: [null, 7, { text: {} }] },
    ];
    const body = { model: {}, stream: 'yes', system: 7, messages: junk, input: junk, contents: junk, tools: junk };
    expect((await post(format.path, body)).status).toBe(200);
  });

  it('stops its stream when the client leaves', async () => {
    const before = lines.length;
    const leave = new AbortController();
    const body = JSON.stringify(format.body(0, '<<slow 1000 20>>', true));
    const response = await fetch(`${origin}${streamPath}`, { method: 'POST', body, signal: leave.signal });
    await response.body?.getReader().read();
    leave.abort();
    const line = await until('the request is logged', () => lines.slice(before)[0]);
    expect(line).toContain('client left');
  });
});

describe('beside the turns', () => {
  it('lists its model in the words of each vendor', async () => {
    const openAi: unknown = await (await fetch(`${origin}/v1/models`)).json();
    expect(list(openAi, 'data').map((model) => at(model, 'id'))).toEqual(['demo-1']);
    const gemini: unknown = await (await fetch(`${origin}/v1beta/models`)).json();
    expect(list(gemini, 'models').map((model) => at(model, 'name'))).toEqual(['models/demo-1']);
  });

  it('counts tokens', async () => {
    const count: unknown = await (await post('/v1/messages/count_tokens', { messages: [] })).json();
    expect(at(count, 'input_tokens')).toBeGreaterThan(0);
  });

  it.each([
    ['GET', '/', {}, 404],
    ['POST', '/v1/other', {}, 404],
    ['POST', '/_relay/openai/v1/models', {}, 404],
    ['GET', '/_flotilla/health', {}, 401],
    ['GET', '/v1/models', { origin: 'https://example.com' }, 403],
  ])('%s %s -> %d', async (method, path, headers, status) => {
    expect((await fetch(`${origin}${path}`, { method, headers })).status).toBe(status);
  });

  it('logs neither queries nor bodies', () => {
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.join('\n')).not.toMatch(/very-secret|Do it|Hello/);
  });
});

it('leaves out steps of messages that got no answer and come along with the next one', () => {
  const part = (text: string) => ({ type: 'text', text });
  const content = [
    part('<<fail 400>>'),
    part('[Request interrupted by user]'),
    part('<<say alive>>'),
    part('a reminder'),
  ];
  const { messages } = anthropicFormat.read({ model: 'm', messages: [{ role: 'user', content }] }, '/v1/messages');
  expect(messages).toEqual([{ text: '<<say alive>>\na reminder', results: 0 }]);
});
