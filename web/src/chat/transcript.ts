import type { ShownContent } from '../lib/types';

/** A stored event of a conversation, as the stream brings it. */
export interface StoredEvent {
  readonly seq: number;
  readonly kind: string;
  readonly turn_id: string | null;
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}
/** A piece of text on its way. */
export interface Delta {
  readonly message_id: string;
  readonly offset: number;
  readonly text: string;
  readonly thought: boolean;
}
export interface SessionStart {
  readonly session: { readonly id: string; readonly status: string; readonly title: string | null } | null;
  readonly from: number;
}

export interface TextItem {
  readonly type: 'user' | 'agent' | 'thought';
  readonly id: string;
  readonly turnId: string | null;
  readonly text: string;
  readonly at: string;
}
export interface ToolItem {
  readonly type: 'tool';
  readonly id: string;
  readonly turnId: string | null;
  readonly title: string;
  readonly kind: string;
  readonly status: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly content: readonly ShownContent[];
}
export interface NoteItem {
  readonly type: 'note' | 'failed' | 'plan';
  readonly id: string;
  readonly turnId: string | null;
  readonly text: string;
}
export type Item = TextItem | ToolItem | NoteItem;

export type TurnState = 'queued' | 'running' | 'finished' | 'failed' | 'cancelled' | 'interrupted';

/** A conversation as it is shown. Never changed: each event makes a new one that shares what stayed. */
export interface Transcript {
  readonly sessionId: string | null;
  readonly status: string;
  /** Events before this one are not shown. */
  readonly from: number;
  readonly seq: number;
  readonly items: readonly Item[];
  readonly turns: Readonly<Record<string, TurnState>>;
  /** Text on its way; the stored event replaces it. */
  readonly open: (Delta & { readonly complete: boolean }) | null;
}

export const emptyTranscript: Transcript = {
  sessionId: null,
  status: 'active',
  from: 0,
  seq: 0,
  items: [],
  turns: {},
  open: null,
};

/** The same conversation goes on after a cut; another one begins from nothing. */
export function started(before: Transcript, { session, from }: SessionStart): Transcript {
  const status = session?.status ?? 'active';
  if (session !== null && before.sessionId === session.id && from <= before.seq) {
    return { ...before, status, open: null };
  }
  return { ...emptyTranscript, sessionId: session?.id ?? null, status, from, seq: from };
}

export function withDelta(before: Transcript, delta: Delta): Transcript {
  if (before.items.some(({ id }) => id === delta.message_id)) return before;
  const known = before.open?.message_id === delta.message_id ? before.open : null;
  const length = known?.text.length ?? 0;
  // A gap: something was left out, and the stored event will bring all of it.
  if (delta.offset > length) return known ? { ...before, open: { ...known, complete: false } } : before;
  const text = (known?.text.slice(0, delta.offset) ?? '') + delta.text;
  return { ...before, open: { ...delta, offset: 0, text, complete: true } };
}

export function withEvent(before: Transcript, event: StoredEvent): Transcript {
  if (event.seq <= before.seq) return before;
  const { data, turn_id: turnId } = event;
  const after = { ...before, seq: event.seq };
  const text = textOf(data['text']);
  const id = textOf(data['messageId']) || `e${event.seq}`;
  const add = (item: Item): Transcript => ({ ...after, items: [...before.items, item] });
  switch (event.kind) {
    case 'user_message':
      return withTurn(add({ type: 'user', id, turnId, text, at: event.at }), turnId, 'queued');
    case 'turn_started':
      return withTurn(after, turnId, 'running');
    case 'agent_message':
    case 'agent_thought': {
      const type = event.kind === 'agent_message' ? 'agent' : 'thought';
      const said = add({ type, id, turnId, text, at: event.at });
      return before.open?.message_id === id || before.open?.complete === false ? { ...said, open: null } : said;
    }
    case 'tool_call':
    case 'tool_update':
      return withTool(after, turnId, data);
    case 'plan':
      return withPlan(after, turnId, data['entries']);
    case 'note':
      return text === '' ? after : add({ type: 'note', id, turnId, text });
    case 'turn_ended':
      return ended(after, event);
    default:
      return after;
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function withTurn(before: Transcript, turnId: string | null, state: TurnState): Transcript {
  return turnId === null ? before : { ...before, turns: { ...before.turns, [turnId]: state } };
}

function withTool(before: Transcript, turnId: string | null, data: Readonly<Record<string, unknown>>): Transcript {
  const id = `${turnId ?? ''}:${textOf(data['toolCallId'])}`;
  const known = before.items.find((item): item is ToolItem => item.type === 'tool' && item.id === id);
  const delta = textOf(data['outputDelta']);
  const output = delta === '' ? data['output'] : `${textOf(known?.output)}${delta}`;
  const content = Array.isArray(data['content']) ? (data['content'] as ShownContent[]) : null;
  const item: ToolItem = {
    type: 'tool',
    id,
    turnId,
    title: textOf(data['title']) || known?.title || textOf(data['tool']) || 'Tool',
    kind: textOf(data['kind']) || known?.kind || 'other',
    status: textOf(data['status']) || known?.status || 'pending',
    input: data['input'] ?? known?.input ?? null,
    output: output ?? known?.output ?? null,
    content: content && content.length > 0 ? content : (known?.content ?? []),
  };
  const items = known ? before.items.map((one) => (one === known ? item : one)) : [...before.items, item];
  return { ...before, items };
}

/** One plan per turn: a later one replaces it. */
function withPlan(before: Transcript, turnId: string | null, entries: unknown): Transcript {
  const lines = (Array.isArray(entries) ? entries : []).map((entry: unknown) => {
    const { content, status } = entry as { content?: unknown; status?: unknown };
    return `- [${status === 'completed' ? 'x' : ' '}] ${textOf(content)}`;
  });
  const item: NoteItem = { type: 'plan', id: `plan:${turnId ?? ''}`, turnId, text: lines.join('\n') };
  const others = before.items.filter(({ id }) => id !== item.id);
  return lines.length === 0 ? before : { ...before, items: [...others, item] };
}

function ended(before: Transcript, { seq, turn_id: turnId, data }: StoredEvent): Transcript {
  const state = (textOf(data['state']) || 'finished') as TurnState;
  const after = { ...withTurn(before, turnId, state), open: null };
  const error = textOf(data['error']);
  // A tool that was at work when the turn ended is at work no more.
  const items = after.items.map((item) =>
    item.type === 'tool' && item.turnId === turnId && ['pending', 'in_progress'].includes(item.status)
      ? { ...item, status: 'failed' }
      : item,
  );
  if (state === 'finished') return { ...after, items };
  const word = state === 'cancelled' ? 'Stopped.' : `${state === 'failed' ? 'Failed' : 'Interrupted'}.`;
  const note: NoteItem = { type: 'failed', id: `e${seq}`, turnId, text: error === '' ? word : `${word} ${error}` };
  return { ...after, items: [...items, note] };
}
