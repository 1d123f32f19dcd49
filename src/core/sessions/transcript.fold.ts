import { objectOf, stringOf } from './json.js';
import type { SessionEventKind } from './session-event.entity.js';
import { mergedFields } from './tool.fields.js';
import type { Turn } from './turn.entity.js';

interface PartBase {
  /** Number of the event it began with; the same in every look. */
  readonly seq: number;
  readonly at: Date;
}

export interface TextPart extends PartBase {
  readonly type: 'text' | 'reasoning';
  readonly text: string;
}

export interface ToolPart extends PartBase {
  readonly type: 'tool';
  readonly callId: string;
  /** What the runtime calls it. */
  readonly tool: string;
  readonly title: string | null;
  /** ACP's tool kind: read, edit, execute ... */
  readonly kind: string;
  readonly state: 'pending' | 'running' | 'completed' | 'error';
  readonly input: unknown;
  readonly output: string | null;
  readonly error: string | null;
  readonly diffs: readonly FileDiff[];
  readonly endedAt: Date | null;
}

export interface FileDiff {
  readonly path: string;
  readonly oldText: string | null;
  readonly newText: string;
}

export interface StepPart extends PartBase {
  readonly type: 'step-start' | 'step-finish';
}

export type TranscriptPart = TextPart | ToolPart | StepPart;

/** One message of a conversation with what it consists of. */
export interface TranscriptMessage {
  readonly turn: Turn;
  readonly role: 'user' | 'assistant';
  readonly at: Date;
  readonly completedAt: Date | null;
  /** The visible text. */
  readonly text: string;
  readonly parts: readonly TranscriptPart[];
}

/** What a transcript is made from. */
export interface TranscriptEvent {
  readonly seq: number;
  readonly kind: SessionEventKind;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

/** The messages of one turn: the prompt, and what the agent did about it as far as it is stored. `events` in order. */
export function messagesOfTurn(turn: Turn, events: readonly TranscriptEvent[]): TranscriptMessage[] {
  const asked: TranscriptMessage = {
    turn,
    role: 'user',
    at: turn.createdAt,
    completedAt: null,
    text: turn.prompt,
    parts: [{ type: 'text', seq: 0, at: turn.createdAt, text: turn.prompt }],
  };
  if (!hasAnswer(turn)) return [asked];
  const parts = partsOf(turn, events);
  const said = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  const at = turn.startedAt ?? turn.endedAt ?? turn.createdAt;
  return [asked, { turn, role: 'assistant', at, completedAt: turn.endedAt, text: said.join('\n\n'), parts }];
}

/** What was dropped before it began has no answer, not even an empty one; what could not be begun has one that says why. */
const hasAnswer = ({ startedAt, state }: Turn): boolean => startedAt !== null || state === 'failed';

/** When the newest message of a turn was said, as SQL. @param t alias of `turns` in the query */
export const saidAt = (t: string): string =>
  `coalesce(${t}.started_at, case when ${t}.state = 'failed' then ${t}.ended_at end, ${t}.created_at)`;

function partsOf(turn: Turn, events: readonly TranscriptEvent[]): TranscriptPart[] {
  const parts: TranscriptPart[] = [];
  const tools = new Map<string, { readonly place: number; fields: Record<string, unknown> }>();
  for (const { seq, kind, data, at } of events) {
    if (kind === 'turn_started') parts.push({ type: 'step-start', seq, at });
    else if (kind === 'turn_ended') parts.push({ type: 'step-finish', seq, at });
    else if (kind === 'agent_message' || kind === 'agent_thought') addText(parts, { seq, kind, data, at });
    else if (kind === 'tool_call' || kind === 'tool_update') {
      const callId = stringOf(data['toolCallId']);
      const known = tools.get(callId) ?? { place: parts.length, fields: {} };
      const before = parts[known.place];
      known.fields = { ...known.fields, ...mergedFields(known.fields, data) };
      tools.set(callId, known);
      parts[known.place] = toolOf(turn, known.fields, {
        callId,
        seq: before?.seq ?? seq,
        at: before?.at ?? at,
        now: at,
      });
    }
  }
  return parts;
}

function addText(parts: TranscriptPart[], { seq, kind, data, at }: TranscriptEvent): void {
  const type = kind === 'agent_message' ? 'text' : 'reasoning';
  const text = stringOf(data['text']);
  const last = parts.at(-1);
  if (data['continues'] === true && last?.type === type) parts[parts.length - 1] = { ...last, text: last.text + text };
  else parts.push({ type, seq, at, text });
}

function toolOf(
  turn: Turn,
  fields: Readonly<Record<string, unknown>>,
  { callId, seq, at, now }: { callId: string; seq: number; at: Date; now: Date },
): ToolPart {
  const told = states[stringOf(fields['status'])] ?? 'pending';
  const over = told === 'completed' || told === 'error';
  // The turn ended before the tool did.
  const cut = !over && turn.endedAt !== null;
  const state = cut ? 'error' : told;
  const output = outputOf(fields);
  const title = stringOf(fields['title']);
  return {
    type: 'tool',
    seq,
    at,
    callId,
    tool: stringOf(fields['tool']) || title || stringOf(fields['kind']) || 'tool',
    title: title || null,
    kind: stringOf(fields['kind']) || 'other',
    state,
    input: fields['input'] ?? {},
    output: state === 'error' ? null : output,
    error: state !== 'error' ? null : cut ? 'The turn ended before the tool did' : output || 'The tool failed',
    diffs: diffsOf(fields['content']),
    endedAt: over ? now : cut ? turn.endedAt : null,
  };
}

const states: Readonly<Record<string, ToolPart['state']>> = {
  pending: 'pending',
  in_progress: 'running',
  completed: 'completed',
  failed: 'error',
};

/** What a tool printed: runtimes say it as a text, in an object, or as content. */
function outputOf(fields: Readonly<Record<string, unknown>>): string | null {
  const { output } = fields;
  if (typeof output === 'string') return output;
  const inner = objectOf(output);
  const named = [inner['output'], inner['error'], inner['message']].find((value) => typeof value === 'string');
  if (typeof named === 'string') return named;
  const texts = listOf(fields['content']).flatMap((piece) => {
    const { text } = objectOf(objectOf(piece)['content']);
    return typeof text === 'string' ? [text] : [];
  });
  if (texts.length > 0) return texts.join('\n');
  return output === undefined || output === null ? null : JSON.stringify(output);
}

function diffsOf(content: unknown): FileDiff[] {
  return listOf(content).flatMap((piece) => {
    const { type, path, oldText, newText } = objectOf(piece);
    if (type !== 'diff' || typeof path !== 'string' || typeof newText !== 'string') return [];
    return [{ path, oldText: typeof oldText === 'string' ? oldText : null, newText }];
  });
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
