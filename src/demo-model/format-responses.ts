import { contentText, type Fields, fieldsOf, listOf, paramsOf, textOf, turnText } from './conversation.js';
import { BadInput, type Reply, type StreamEvent, type Tool, type ToolCall, type UserMessage } from './conversation.js';
import type { WireFormat } from './conversation.js';
import { errorType } from './format-chat.js';

/** OpenAI responses: what Codex speaks. */
export const responsesFormat: WireFormat = {
  name: 'responses',

  read(body) {
    const items = itemsOf(body['input']);
    const system = items.filter((item) => item['role'] === 'system' || item['role'] === 'developer');
    return {
      model: textOf(body['model']),
      stream: body['stream'] === true,
      system: [textOf(body['instructions']), ...system.map((item) => contentText(item['content']))].join('\n'),
      messages: items.flatMap(userSide),
      tools: [...listOf(body['tools']), ...items.flatMap((item) => listOf(item['tools']))].flatMap(toolsOf),
      schema: schemaIn(body),
    };
  },

  whole(reply) {
    const output = [...textItems(reply), ...callItems(reply)];
    return { ...response(reply, 'completed'), output, usage: usage(reply) };
  },

  *events(reply): Generator<StreamEvent> {
    let sequence = 0;
    const event = (type: string, fields: Fields, waitMs = 0): StreamEvent => ({
      event: type,
      data: { type, sequence_number: sequence++, ...fields },
      waitMs,
    });
    yield event('response.created', { response: { ...response(reply, 'in_progress'), output: [] } });
    const output: Fields[] = [];
    for (const item of textItems(reply)) {
      yield* textEvents(reply, item, event);
      output.push(item);
    }
    for (const item of callItems(reply)) {
      yield event('response.output_item.added', { output_index: output.length, item });
      yield event('response.output_item.done', { output_index: output.length, item });
      output.push(item);
    }
    const completed = { ...response(reply, 'completed'), output, usage: usage(reply) };
    yield event('response.completed', { response: completed });
  },

  error: (status, message) => ({ error: { message, type: errorType(status), param: null, code: String(status) } }),
};

/** Newer Codex models get their tools in a namespace inside the input. */
function toolsOf(tool: Fields): Tool[] {
  if (tool['type'] === 'namespace' && tool['name'] === 'functions') return listOf(tool['tools']).flatMap(toolsOf);
  const name = textOf(tool['name']) || textOf(tool['type']);
  return [{ name, freeForm: tool['type'] === 'custom', params: paramsOf(tool['parameters']) }];
}

type MakeEvent = (type: string, fields: Fields, waitMs?: number) => StreamEvent;

function* textEvents(reply: Reply, item: Fields, event: MakeEvent): Generator<StreamEvent> {
  const place = { item_id: item['id'], output_index: 0, content_index: 0 };
  const [part] = listOf(item['content']);
  yield event('response.output_item.added', {
    output_index: 0,
    item: { ...item, status: 'in_progress', content: [] },
  });
  yield event('response.content_part.added', { ...place, part: { ...part, text: '' } });
  for (const { text, waitMs } of reply.chunks) {
    yield event('response.output_text.delta', { ...place, delta: text }, waitMs);
  }
  yield event('response.output_text.done', { ...place, text: turnText(reply) });
  yield event('response.content_part.done', { ...place, part });
  yield event('response.output_item.done', { output_index: 0, item });
}

function itemsOf(input: unknown): readonly Fields[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }];
  if (!Array.isArray(input)) throw new BadInput('"input" has to be a text or a list');
  return listOf(input);
}

function userSide(item: Fields): UserMessage[] {
  const type = textOf(item['type']) || 'message';
  if (type.endsWith('_output')) return [{ text: '', results: 1 }];
  const isUser = type === 'message' && item['role'] === 'user';
  return isUser ? [{ text: contentText(item['content']), results: 0 }] : [];
}

function schemaIn(body: Fields): Fields | null {
  const format = fieldsOf(fieldsOf(body['text'])['format']);
  return format['type'] === 'json_schema' ? fieldsOf(format['schema']) : null;
}

function response(reply: Reply, status: string): Fields {
  return { id: `resp_${reply.id}`, object: 'response', created_at: reply.createdAt, status, model: reply.model };
}

function textItems(reply: Reply): Fields[] {
  if (reply.chunks.length === 0) return [];
  const content = [{ type: 'output_text', text: turnText(reply), annotations: [] }];
  return [{ type: 'message', id: `msg_${reply.id}`, role: 'assistant', status: 'completed', content }];
}

function callItems(reply: Reply): Fields[] {
  return reply.call ? [callItem(reply, reply.call)] : [];
}

function callItem(reply: Reply, { name, input }: ToolCall): Fields {
  const common = { call_id: `call_${reply.id}`, name, status: 'completed' };
  if (typeof input === 'string') return { type: 'custom_tool_call', id: `ctc_${reply.id}`, ...common, input };
  return { type: 'function_call', id: `fc_${reply.id}`, ...common, arguments: JSON.stringify(input) };
}

function usage({ usage: { input, output } }: Reply): Fields {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  };
}
