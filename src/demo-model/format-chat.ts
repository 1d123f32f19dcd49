import { contentText, type Fields, fieldsOf, listOf, paramsOf, requireList, textOf, turnText } from './conversation.js';
import type { Reply, StreamEvent, ToolCall, UserMessage, WireFormat } from './conversation.js';

/** OpenAI chat completions: what OpenCode speaks. */
export const chatFormat: WireFormat = {
  name: 'chat',

  read(body) {
    const messages = requireList(body['messages'], 'messages');
    return {
      model: textOf(body['model']),
      stream: body['stream'] === true,
      system: messages.filter(isSystem).map(textIn).join('\n'),
      messages: messages.filter((message) => !isSystem(message)).flatMap(userSide),
      tools: listOf(body['tools']).map((tool) => {
        const fn = fieldsOf(tool['function'] ?? tool['custom']);
        return { name: textOf(fn['name']), freeForm: tool['type'] === 'custom', params: paramsOf(fn['parameters']) };
      }),
      schema: schemaIn(body),
    };
  },

  whole(reply) {
    const message = {
      role: 'assistant',
      content: turnText(reply) || null,
      ...(reply.call ? { tool_calls: [toolCall(reply, reply.call)] } : {}),
    };
    const choices = [{ index: 0, message, logprobs: null, finish_reason: finish(reply) }];
    return { ...head(reply, 'chat.completion'), choices, usage: usage(reply) };
  },

  *events(reply): Generator<StreamEvent> {
    const chunk = (delta: Fields, reason: string | null = null): Fields => ({
      ...head(reply, 'chat.completion.chunk'),
      choices: [{ index: 0, delta, finish_reason: reason }],
    });
    yield { data: chunk({ role: 'assistant', content: '' }) };
    for (const { text, waitMs } of reply.chunks) yield { data: chunk({ content: text }), waitMs };
    if (reply.call) {
      const call = toolCall(reply, reply.call);
      const opened = { index: 0, ...call, function: { ...call.function, arguments: '' } };
      yield { data: chunk({ tool_calls: [opened] }) };
      yield { data: chunk({ tool_calls: [{ index: 0, function: { arguments: call.function.arguments } }] }) };
    }
    yield { data: chunk({}, finish(reply)) };
    yield { data: { ...head(reply, 'chat.completion.chunk'), choices: [], usage: usage(reply) } };
    yield { data: '[DONE]' };
  },

  error: (status, message) => ({ error: { message, type: errorType(status), param: null, code: String(status) } }),
};

/** OpenAI's name for the sort of error behind a status. */
export function errorType(status: number): string {
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

function isSystem(message: Fields): boolean {
  return message['role'] === 'system' || message['role'] === 'developer';
}

function textIn(message: Fields): string {
  return contentText(message['content']);
}

function userSide(message: Fields): UserMessage[] {
  if (message['role'] === 'tool') return [{ text: '', results: 1 }];
  return message['role'] === 'user' ? [{ text: textIn(message), results: 0 }] : [];
}

function schemaIn(body: Fields): Fields | null {
  const format = fieldsOf(body['response_format']);
  return format['type'] === 'json_schema' ? fieldsOf(fieldsOf(format['json_schema'])['schema']) : null;
}

function head(reply: Reply, object: string): Fields {
  return { id: `chatcmpl-${reply.id}`, object, created: reply.createdAt, model: reply.model };
}

function finish(reply: Reply): string {
  return reply.call ? 'tool_calls' : 'stop';
}

function toolCall(reply: Reply, call: ToolCall): { function: { name: string; arguments: string } } & Fields {
  const input = typeof call.input === 'string' ? { input: call.input } : call.input;
  const fn = { name: call.name, arguments: JSON.stringify(input) };
  return { id: `call_${reply.id}`, type: 'function', function: fn };
}

function usage({ usage: { input, output } }: Reply): Fields {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}
