import type { Answer, Chunk, Conversation, Fields, ToolCall, UserMessage } from './conversation.js';
import { fieldsOf, listOf, textOf } from './conversation.js';
import { parseSteps, type Step, withoutSteps } from './script.js';
import { callFor } from './tools.js';

/** What it says of itself when a message holds no steps. */
export const introduction = [
  "This is Flotilla's scripted demo model: no model provider is configured, so nobody is thinking here.",
  'It does exactly what a message tells it in steps, for example:',
  '`<<write hello.txt hi>>` `<<bash ls -l>>` `<<read hello.txt>>` `<<ask>>` `<<say Done.>>` `<<slow 10 200>>` `<<fail 500>>`.',
  'For a real model, set one of ANTHROPIC_API_KEY, CLAUDE_CODE_OAUTH_TOKEN, OPENAI_API_KEY or GEMINI_API_KEY',
  '(and ANTHROPIC_BASE_URL, OPENAI_BASE_URL or GOOGLE_GEMINI_BASE_URL for another server) in the environment of the Flotilla server and start it again.',
].join('\n');

// What runtimes add to the user's words by themselves.
const added = /<(system-reminder|environment_context|user_instructions|session_context)>[\s\S]*?<\/\1>/g;
const chunkLength = 24;

/** Decides what to say next. A pure function of the request: the step follows from the tool results seen so far. */
export function plan(conversation: Conversation): Answer {
  const script = findScript(conversation.messages);
  if (wantsTitle(conversation)) return say(title(conversation));
  if (!script) return say(introduction);

  const pending = [...script.steps];
  for (let left = script.results; left > 0; left -= 1) dropTurn(pending, conversation);
  return nextTurn(pending, conversation, script.steps.length);
}

/** The newest message of the user that has steps, and how many tools have answered since. */
function findScript(messages: readonly UserMessage[]): { steps: Step[]; results: number } | null {
  let results = 0;
  for (const message of messages.toReversed()) {
    const words = message.text.replace(added, '').trim();
    const steps = parseSteps(words);
    if (steps.length > 0) return { steps, results };
    // A later message without steps begins a turn of its own, unless it only came along with a tool result.
    if (words !== '' && message.results === 0) return null;
    results += message.results;
  }
  return null;
}

/** Removes what one model turn covered: everything up to and including its tool call. */
function dropTurn(pending: Step[], conversation: Conversation): void {
  for (let step = pending.shift(); step; step = pending.shift()) {
    if (toolCall(step, conversation)) return;
  }
}

function nextTurn(pending: readonly Step[], conversation: Conversation, total: number): Answer {
  const chunks: Chunk[] = [];
  for (const step of pending) {
    if (step.op === 'fail') {
      return { kind: 'fail', status: step.status, message: `Scripted failure ${step.status} of the demo model` };
    }
    if (step.op === 'say') chunks.push(...cut(chunks.length > 0 ? `\n${step.text}` : step.text));
    else if (step.op === 'slow') chunks.push(...ticks(step));
    else {
      const call = toolCall(step, conversation);
      if (call) return { kind: 'turn', chunks, call };
      chunks.push(...cut(noTool(step.op, conversation)));
    }
  }
  if (chunks.length > 0) return { kind: 'turn', chunks, call: null };
  return say(`Done: ${total} scripted ${total === 1 ? 'step' : 'steps'} of the demo model.`);
}

function toolCall(step: Step, conversation: Conversation): ToolCall | null {
  return step.op === 'say' || step.op === 'slow' || step.op === 'fail' ? null : callFor(step, conversation);
}

function ticks(step: { readonly count: number; readonly waitMs: number }): Chunk[] {
  return Array.from({ length: step.count }, (_, index) => ({ text: `tick ${index + 1} `, waitMs: step.waitMs }));
}

function noTool(op: string, conversation: Conversation): string {
  const offered = conversation.tools.map((tool) => tool.name).join(', ') || 'none';
  return `This runtime offers no tool for <<${op}>> (it offers: ${offered}). `;
}

function say(text: string): Answer {
  return { kind: 'turn', chunks: cut(text), call: null };
}

/** Cuts by code points, so that no character is torn in two. */
function cut(text: string): Chunk[] {
  const points = Array.from(text);
  return Array.from({ length: Math.ceil(points.length / chunkLength) }, (_, index) => ({
    text: points.slice(index * chunkLength, (index + 1) * chunkLength).join(''),
    waitMs: 0,
  }));
}

/** Requests beside the conversation: for a title or a summary, or for an answer in the shape of a schema. */
function wantsTitle(conversation: Conversation): boolean {
  if (conversation.schema !== null) return true;
  const last = conversation.messages.at(-1)?.text ?? '';
  return conversation.tools.length === 0 && /\b(title|summar\w*)\b/i.test(`${conversation.system}\n${last}`);
}

function title(conversation: Conversation): string {
  const words = conversation.messages.map((message) => withoutSteps(sessionText(message.text)));
  const short = (words.findLast((text) => text !== '') ?? '').split(' ').slice(0, 6).join(' ').slice(0, 60);
  const text = short === '' ? 'Scripted demo session' : short;
  return conversation.schema ? JSON.stringify(example(conversation.schema, text, 0)) : text;
}

/** The user's words in a request for a title: Claude wraps them, Codex and OpenCode put instructions in front. */
function sessionText(text: string): string {
  const wrapped = /<session>([\s\S]*?)<\/session>|User's first message:([\s\S]*)$/.exec(text);
  return (wrapped?.[1] ?? wrapped?.[2] ?? text).replace(added, '').replace(/^.*\btitle\b.*:[ \t]*$/gim, '');
}

/** A small value that fits a JSON schema; texts become `text`. */
function example(schema: Fields, text: string, depth: number): unknown {
  if (depth > 5) return null;
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if (schema['const'] !== undefined) return schema['const'];
  const [choice] = listOf(schema['anyOf'] ?? schema['oneOf']);
  if (choice) return example(choice, text, depth + 1);
  const type = textOf(Array.isArray(schema['type']) ? schema['type'][0] : schema['type']).toLowerCase();
  if (type === 'string') return text;
  if (type === 'number' || type === 'integer') return 0;
  if (type === 'boolean') return false;
  if (type === 'array') return [];
  const properties = Object.entries(fieldsOf(schema['properties']));
  return Object.fromEntries(properties.map(([name, value]) => [name, example(fieldsOf(value), text, depth + 1)]));
}
