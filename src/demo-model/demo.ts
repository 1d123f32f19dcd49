import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { BadInput, fieldsOf, type Reply, type StreamEvent, turnText } from './conversation.js';
import type { WireFormat } from './conversation.js';
import { anthropicFormat } from './format-anthropic.js';
import { chatFormat } from './format-chat.js';
import { geminiFormat } from './format-gemini.js';
import { responsesFormat } from './format-responses.js';
import { goneSignal, readBody, Refusal, sendJson } from './http.js';
import { plan } from './plan.js';

/** The model's name in every list; requests may name any other. */
export const demoModelName = 'demo-1';

const routes: readonly (readonly [RegExp, WireFormat])[] = [
  [/\/chat\/completions$/, chatFormat],
  [/\/responses$/, responsesFormat],
  [/\/messages$/, anthropicFormat],
  [/\/models\/[^/]+:(?:generateContent|streamGenerateContent)$/, geminiFormat],
];

/**
 * Answers a model request in the wire format its path stands for. False: the path is none of ours.
 * Says in `note` what was asked, for the log.
 */
export async function answerModel(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  note: (text: string) => void,
): Promise<boolean> {
  if (request.method === 'GET' && /\/models(\/[^/:]+)?$/.test(path)) {
    sendJson(response, 200, modelList(path));
    return true;
  }
  if (request.method !== 'POST') return false;
  if (/\/messages\/count_tokens$|:countTokens$/.test(path)) {
    const tokens = tokensOf(await readBody(request));
    sendJson(response, 200, { input_tokens: tokens, totalTokens: tokens });
    return true;
  }
  const format = routes.find(([pattern]) => pattern.test(path))?.[1];
  if (!format) return false;
  try {
    await answerTurn(request, response, path, format, note);
  } catch (error) {
    if (error instanceof Refusal) sendJson(response, error.status, format.error(error.status, error.message));
    else if (error instanceof BadInput) sendJson(response, 400, format.error(400, error.message));
    else throw error;
  }
  return true;
}

async function answerTurn(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  format: WireFormat,
  note: (text: string) => void,
): Promise<void> {
  const body = await readBody(request);
  const conversation = format.read(parse(body), path);
  const answer = plan(conversation);
  note(`${format.name} ${JSON.stringify(conversation.model.slice(0, 60))} tools=${conversation.tools.length}`);
  if (answer.kind === 'fail') {
    // The vendors' own clients obey this; without it a scripted 500 is tried again for minutes.
    response.setHeader('x-should-retry', 'false');
    sendJson(response, answer.status, format.error(answer.status, answer.message));
    return;
  }
  const output = `${turnText(answer)}${answer.call ? JSON.stringify(answer.call.input) : ''}`;
  const reply: Reply = {
    ...answer,
    id: randomBytes(12).toString('hex'),
    model: conversation.model || demoModelName,
    usage: { input: tokensOf(body), output: tokensOf(output) },
    createdAt: Math.floor(Date.now() / 1000),
  };
  const gone = goneSignal(response);
  try {
    if (conversation.stream) await stream(response, format.events(reply), gone);
    else await whole(response, format, reply, gone);
  } catch (error) {
    if (!gone.aborted) throw error;
  }
}

/** Without streaming the client waits for all pauses at once. */
async function whole(response: ServerResponse, format: WireFormat, reply: Reply, gone: AbortSignal): Promise<void> {
  await pause(
    reply.chunks.reduce((sum, chunk) => sum + chunk.waitMs, 0),
    gone,
  );
  sendJson(response, 200, format.whole(reply));
}

async function stream(response: ServerResponse, events: Iterable<StreamEvent>, gone: AbortSignal): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  for (const { event, data, waitMs } of events) {
    await pause(waitMs ?? 0, gone);
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    const room = response.write(`${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`);
    if (!room) await once(response, 'drain', { signal: gone });
  }
  response.end();
}

async function pause(ms: number, gone: AbortSignal): Promise<void> {
  gone.throwIfAborted();
  if (ms > 0) await sleep(Math.min(ms, 2 ** 31 - 1), undefined, { signal: gone });
}

function parse(body: string): ReturnType<typeof fieldsOf> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new BadInput('The request body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadInput('The request body has to be a JSON object');
  }
  return fieldsOf(value);
}

function tokensOf(text: string): number {
  return Math.max(1, Math.ceil(text.length / 4));
}

/** OpenAI and Anthropic list models under the same path: this answer suits both. Gemini has its own. */
function modelList(path: string): unknown {
  const gemini = {
    name: `models/${demoModelName}`,
    displayName: 'Flotilla demo model',
    inputTokenLimit: 128_000,
    outputTokenLimit: 8192,
    supportedGenerationMethods: ['generateContent', 'countTokens'],
  };
  const model = {
    id: demoModelName,
    object: 'model',
    type: 'model',
    display_name: 'Flotilla demo model',
    created: 0,
    created_at: '1970-01-01T00:00:00Z',
    owned_by: 'flotilla',
  };
  if (!path.endsWith('/models')) return path.includes('/v1beta/') ? gemini : model;
  if (path.includes('/v1beta/')) return { models: [gemini] };
  return { object: 'list', data: [model], has_more: false, first_id: model.id, last_id: model.id };
}
