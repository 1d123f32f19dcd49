import { contentText, type Fields, fieldsOf, listOf, paramsOf, requireList, textOf, turnText } from './conversation.js';
import type { Reply, StreamEvent, ToolCall, WireFormat } from './conversation.js';
import { parseSteps } from './script.js';

/** Anthropic messages: what Claude Code speaks. */
export const anthropicFormat: WireFormat = {
  name: 'anthropic',

  read(body) {
    const messages = requireList(body['messages'], 'messages');
    return {
      model: textOf(body['model']),
      stream: body['stream'] === true,
      // Claude Code sends what it knows of its surroundings as system messages between the others.
      system: [contentText(body['system']), ...textsOf(messages, 'system')].join('\n'),
      messages: messages
        .filter((message) => message['role'] === 'user')
        .map((message) => ({
          text: newestWords(message['content']),
          results: listOf(message['content']).filter((part) => part['type'] === 'tool_result').length,
        })),
      tools: listOf(body['tools']).map((tool) => ({
        name: textOf(tool['name']),
        freeForm: false,
        params: paramsOf(tool['input_schema']),
      })),
      schema: schemaIn(body),
    };
  },

  whole(reply) {
    const text = turnText(reply);
    const content = [
      ...(text === '' ? [] : [{ type: 'text', text }]),
      ...(reply.call ? [{ ...toolUse(reply, reply.call), input: inputOf(reply.call) }] : []),
    ];
    return { ...head(reply), content, stop_reason: stopReason(reply), usage: usage(reply, reply.usage.output) };
  },

  *events(reply): Generator<StreamEvent> {
    const event = (type: string, fields: Fields = {}, waitMs = 0): StreamEvent => ({
      event: type,
      data: { type, ...fields },
      waitMs,
    });
    yield event('message_start', {
      message: { ...head(reply), content: [], stop_reason: null, usage: usage(reply, 1) },
    });
    let index = 0;
    if (reply.chunks.length > 0) {
      yield event('content_block_start', { index, content_block: { type: 'text', text: '' } });
      for (const { text, waitMs } of reply.chunks) {
        yield event('content_block_delta', { index, delta: { type: 'text_delta', text } }, waitMs);
      }
      yield event('content_block_stop', { index });
      index += 1;
    }
    if (reply.call) {
      const json = JSON.stringify(inputOf(reply.call));
      yield event('content_block_start', { index, content_block: { ...toolUse(reply, reply.call), input: {} } });
      yield event('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json: json } });
      yield event('content_block_stop', { index });
    }
    yield event('message_delta', {
      delta: { stop_reason: stopReason(reply), stop_sequence: null },
      usage: { output_tokens: reply.usage.output },
    });
    yield event('message_stop');
  },

  error: (status, message) => ({ type: 'error', error: { type: errorTypes[status] ?? 'api_error', message } }),
};

const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

/**
 * Messages that got no answer, because the turn failed or was stopped, come again as parts of the next one: their steps are
 * over, and only what follows the newest steps counts.
 */
function newestWords(content: unknown): string {
  const texts = listOf(content).map((part) => textOf(part['text']));
  const newest = texts.findLastIndex((text) => parseSteps(text).length > 0);
  return newest < 0 ? contentText(content) : contentText(listOf(content).slice(newest));
}

function textsOf(messages: readonly Fields[], role: string): string[] {
  return messages.filter((message) => message['role'] === role).map((message) => contentText(message['content']));
}

function schemaIn(body: Fields): Fields | null {
  const format = fieldsOf(fieldsOf(body['output_config'])['format'] ?? body['output_format']);
  return format['type'] === 'json_schema' ? fieldsOf(format['schema']) : null;
}

function head(reply: Reply): Fields {
  return { id: `msg_${reply.id}`, type: 'message', role: 'assistant', model: reply.model, stop_sequence: null };
}

function stopReason(reply: Reply): string {
  return reply.call ? 'tool_use' : 'end_turn';
}

function toolUse(reply: Reply, call: ToolCall): Fields {
  return { type: 'tool_use', id: `toolu_${reply.id}`, name: call.name };
}

function inputOf(call: ToolCall): Fields {
  return typeof call.input === 'string' ? { input: call.input } : call.input;
}

function usage(reply: Reply, output: number): Fields {
  return {
    input_tokens: reply.usage.input,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: output,
  };
}
