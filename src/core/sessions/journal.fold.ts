import type { SessionEventKind } from './session-event.entity.js';

/** One complete line of a journal with the byte offsets of its start and of the next line. */
export interface JournalLine {
  readonly offset: number;
  readonly end: number;
  readonly text: string;
}

/** What one line means. `session` is the runtime's own id of the conversation. */
export type Effect =
  | {
      readonly type: 'event';
      readonly session: string;
      readonly kind: SessionEventKind;
      readonly data: Record<string, unknown>;
      readonly offset: number;
      readonly part: number;
    }
  | {
      readonly type: 'delta';
      readonly session: string;
      readonly messageId: string;
      readonly charOffset: number;
      readonly text: string;
      readonly thought: boolean;
    }
  | {
      readonly type: 'tool';
      readonly session: string;
      readonly toolCallId: string;
      readonly first: boolean;
      readonly fields: ToolFields;
      readonly offset: number;
    }
  | {
      readonly type: 'usage';
      readonly session: string;
      readonly used: number;
      readonly size: number;
      readonly costUsd: number | null;
    }
  | { readonly type: 'title'; readonly session: string; readonly title: string }
  | {
      readonly type: 'response';
      readonly id: string;
      readonly result: unknown;
      readonly error: RpcFailure | null;
      readonly offset: number;
    }
  | {
      readonly type: 'request';
      readonly rpcId: string;
      readonly method: string;
      readonly session: string | null;
      readonly params: Record<string, unknown>;
      readonly offset: number;
    }
  | { readonly type: 'noise'; readonly text: string }
  | { readonly type: 'end'; readonly code: number };

export interface RpcFailure {
  readonly code: number;
  readonly message: string;
}

/** The part of a tool call that an update changes. */
export interface ToolFields {
  readonly title?: string;
  readonly kind?: string;
  readonly status?: 'pending' | 'in_progress' | 'completed' | 'failed';
  readonly tool?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly content?: readonly unknown[];
  readonly locations?: readonly unknown[];
}

interface OpenText {
  readonly messageId: string;
  readonly offset: number;
  readonly thought: boolean;
  text: string;
}

type Json = Record<string, unknown>;

/** A message longer than this is stored in pieces, so that a crash has little to read again. */
const longestMessage = 200_000;
/** More of a tool's output than this is not stored. */
const longestOutput = 64_000;

/**
 * Reads a journal line by line. Text chunks are streamed as deltas at once and kept open until something else follows;
 * then they become one event. `safeCursor` never passes an open text: after a crash it is read again from its start,
 * under the same message id.
 */
export class JournalFold {
  private readonly open = new Map<string, OpenText>();

  constructor(private readonly generation: number) {}

  feed(line: JournalLine): Effect[] {
    const message = parsed(line.text);
    if (!message) return line.text.trim() === '' ? [] : [{ type: 'noise', text: line.text.slice(0, 500) }];
    if (message['method'] === '_flotilla/end') {
      return [...this.closeAll(), { type: 'end', code: numberOf(objectOf(message['params'])['code']) }];
    }
    if (typeof message['method'] !== 'string') return this.response(message, line);
    const params = objectOf(message['params']);
    if (message['id'] !== undefined) return this.request(message, params, line);
    return message['method'] === 'session/update' ? this.update(params, line) : [];
  }

  /** Byte offset up to which everything is stored once the effects so far are; `end` is where the last line ended. */
  safeCursor(end: number): number {
    return Math.min(end, ...[...this.open.values()].map((text) => text.offset));
  }

  private response(message: Json, line: JournalLine): Effect[] {
    if (message['id'] === undefined) return [];
    const failure = message['error'] === undefined ? null : objectOf(message['error']);
    const error = failure && { code: numberOf(failure['code']), message: failureText(failure) };
    const id = String(message['id']);
    const before = id.startsWith('turn:') ? this.closeAll() : [];
    return [...before, { type: 'response', id, result: message['result'], error, offset: line.offset }];
  }

  private request(message: Json, params: Json, line: JournalLine): Effect[] {
    const session = typeof params['sessionId'] === 'string' ? params['sessionId'] : null;
    const rpcId = JSON.stringify(message['id']);
    const method = String(message['method']);
    const before = session ? this.close(session) : [];
    return [...before, { type: 'request', rpcId, method, session, params, offset: line.offset }];
  }

  private update(params: Json, line: JournalLine): Effect[] {
    const session = params['sessionId'];
    if (typeof session !== 'string') return [];
    const update = objectOf(params['update']);
    switch (update['sessionUpdate']) {
      case 'agent_message_chunk':
        return this.chunk(session, update, false, line);
      case 'agent_thought_chunk':
        return this.chunk(session, update, true, line);
      case 'tool_call':
      case 'tool_call_update':
        return this.tool(session, update, line);
      case 'plan': {
        const entries = Array.isArray(update['entries']) ? update['entries'] : [];
        return [...this.close(session), event(session, 'plan', { entries }, line.offset)];
      }
      case 'usage_update':
        return [usageOf(session, update)];
      case 'session_info_update':
        return typeof update['title'] === 'string' ? [{ type: 'title', session, title: update['title'] }] : [];
      default:
        return [];
    }
  }

  private chunk(session: string, update: Json, thought: boolean, line: JournalLine): Effect[] {
    const text = textOf(update['content']);
    if (text === '') return [];
    const effects: Effect[] = [];
    let current = this.open.get(session);
    if (current && (current.thought !== thought || current.text.length > longestMessage)) {
      effects.push(...this.close(session));
      current = undefined;
    }
    if (!current) {
      current = { messageId: `m${this.generation}-${line.offset}`, offset: line.offset, thought, text: '' };
      this.open.set(session, current);
    }
    effects.push({
      type: 'delta',
      session,
      messageId: current.messageId,
      charOffset: current.text.length,
      text,
      thought,
    });
    current.text += text;
    return effects;
  }

  private tool(session: string, update: Json, line: JournalLine): Effect[] {
    const toolCallId = update['toolCallId'];
    if (typeof toolCallId !== 'string') return [];
    const first = update['sessionUpdate'] === 'tool_call';
    const { offset } = line;
    return [...this.close(session), { type: 'tool', session, toolCallId, first, fields: toolFieldsOf(update), offset }];
  }

  private close(session: string): Effect[] {
    const text = this.open.get(session);
    if (!text) return [];
    this.open.delete(session);
    const kind = text.thought ? 'agent_thought' : 'agent_message';
    return [event(session, kind, { messageId: text.messageId, text: text.text }, text.offset)];
  }

  private closeAll(): Effect[] {
    return [...this.open.keys()].flatMap((session) => this.close(session));
  }
}

const event = (session: string, kind: SessionEventKind, data: Json, offset: number): Effect => ({
  type: 'event',
  session,
  kind,
  data,
  offset,
  part: 0,
});

function usageOf(session: string, update: Json): Effect {
  const cost = objectOf(update['cost']);
  const amount = typeof cost['amount'] === 'number' ? cost['amount'] : null;
  return { type: 'usage', session, used: numberOf(update['used']), size: numberOf(update['size']), costUsd: amount };
}

function toolFieldsOf(update: Json): ToolFields {
  const meta = objectOf(update['_meta']);
  const delta = objectOf(meta['terminal_output_delta'])['data'];
  const output = update['rawOutput'] ?? (typeof delta === 'string' ? delta : undefined);
  return {
    ...(typeof update['title'] === 'string' ? { title: update['title'] } : {}),
    ...(typeof update['kind'] === 'string' ? { kind: update['kind'] } : {}),
    ...(isStatus(update['status']) ? { status: update['status'] } : {}),
    ...(typeof update['name'] === 'string' ? { tool: update['name'] } : {}),
    ...(isEmpty(update['rawInput']) ? {} : { input: bounded(update['rawInput']) }),
    ...(output === undefined || output === null ? {} : { output: bounded(output) }),
    ...(Array.isArray(update['content']) ? { content: update['content'].map(bounded) } : {}),
    ...(Array.isArray(update['locations']) ? { locations: update['locations'] } : {}),
  };
}

const isStatus = (value: unknown): value is NonNullable<ToolFields['status']> =>
  value === 'pending' || value === 'in_progress' || value === 'completed' || value === 'failed';

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);

function bounded(value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.length <= longestOutput) return value;
  return `${text.slice(0, longestOutput)}\n[cut after ${longestOutput} characters]`;
}

function parsed(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
  } catch {
    return null;
  }
}

function textOf(content: unknown): string {
  const text = objectOf(content)['text'];
  return typeof text === 'string' ? text : '';
}

function failureText(failure: Json): string {
  const message = typeof failure['message'] === 'string' ? failure['message'] : 'unknown failure';
  const detail = objectOf(failure['data'])['message'] ?? objectOf(failure['data'])['details'];
  return typeof detail === 'string' && !message.includes(detail) ? `${message}: ${detail}` : message;
}

const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const numberOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
