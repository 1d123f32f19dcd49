import { type Fields, fieldsOf, listOf, paramsOf, requireList, textOf, turnText } from './conversation.js';
import type { Reply, StreamEvent, WireFormat } from './conversation.js';

/** Gemini generateContent: what Gemini CLI speaks. Model and streaming stand in the path. */
export const geminiFormat: WireFormat = {
  name: 'gemini',

  read(body, path) {
    const contents = requireList(body['contents'], 'contents');
    const config = fieldsOf(body['generationConfig']);
    const schema = config['responseJsonSchema'] ?? config['responseSchema'];
    return {
      model: /models\/([^/:]+):/.exec(path)?.[1] ?? '',
      stream: path.endsWith(':streamGenerateContent'),
      system: textParts(fieldsOf(body['systemInstruction'] ?? body['system_instruction'])),
      messages: contents
        .filter((content) => content['role'] !== 'model')
        .map((content) => ({
          text: textParts(content),
          results: listOf(content['parts']).filter((part) => part['functionResponse'] !== undefined).length,
        })),
      tools: listOf(body['tools'])
        .flatMap((tool) => listOf(tool['functionDeclarations']))
        .map((tool) => ({
          name: textOf(tool['name']),
          freeForm: false,
          params: paramsOf(tool['parametersJsonSchema'] ?? tool['parameters']),
        })),
      schema: schema === undefined ? null : fieldsOf(schema),
    };
  },

  whole(reply) {
    const text = turnText(reply);
    return answer(reply, [...(text === '' ? [] : [{ text }]), ...callParts(reply)], 'STOP');
  },

  *events(reply): Generator<StreamEvent> {
    for (const { text, waitMs } of reply.chunks) yield { data: answer(reply, [{ text }], null), waitMs };
    const last = callParts(reply);
    yield { data: answer(reply, last.length > 0 ? last : [{ text: '' }], 'STOP') };
  },

  error: (status, message) => ({ error: { code: status, message, status: statusNames[status] ?? 'UNKNOWN' } }),
};

const statusNames: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

function textParts(content: Fields): string {
  return listOf(content['parts'])
    .map((part) => textOf(part['text']))
    .filter((text) => text !== '')
    .join('\n');
}

function callParts(reply: Reply): Fields[] {
  if (!reply.call) return [];
  const { name, input } = reply.call;
  return [{ functionCall: { id: `call_${reply.id}`, name, args: typeof input === 'string' ? { input } : input } }];
}

function answer(reply: Reply, parts: readonly Fields[], finishReason: string | null): Fields {
  const { input, output } = reply.usage;
  return {
    candidates: [{ index: 0, content: { role: 'model', parts }, ...(finishReason === null ? {} : { finishReason }) }],
    usageMetadata: { promptTokenCount: input, candidatesTokenCount: output, totalTokenCount: input + output },
    modelVersion: reply.model,
    responseId: reply.id,
  };
}
