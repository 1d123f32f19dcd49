import { Redactor, type RedactedStream } from '../credentials/redactor.js';
import type { UpdateReader } from '../runtimes/runtime.port.js';
import type { Effect, JournalLine, ReadLine } from './journal.effects.js';
import { JournalRedaction } from './journal.redaction.js';
import { numberOf, objectOf, parsedObject, startOf, type Json } from './json.js';
import type { SessionEventKind } from './session-event.entity.js';
import { boundedList, toolFieldsOf } from './tool.fields.js';

interface OpenText {
  /** Ours, from the place in the journal. */
  readonly messageId: string;
  /** The runtime's own, where it gives one. */
  readonly origin: string | null;
  readonly offset: number;
  readonly thought: boolean;
  /** It goes on where the event before it stopped. */
  readonly continues: boolean;
  /** Takes given values out of what comes. */
  readonly clean: RedactedStream;
  text: string;
}

/** A message longer than this is stored in pieces, so that a crash has little to read again. */
const longestMessage = 200_000;

/** A value that is torn at this very place is waited for, but not for ever. */
const isFull = ({ text, clean }: OpenText): boolean =>
  text.length > (clean.held > 0 ? 2 * longestMessage : longestMessage);

/**
 * Reads a journal line by line. Text chunks are streamed as deltas at once and kept open until something else follows;
 * then they become one event. `resumeAt` never passes an open text: after a crash it is read again from its start,
 * under the same message id.
 */
export class JournalFold {
  private readonly open = new Map<string, OpenText>();
  private readonly redaction: JournalRedaction;

  /**
   * @param readUpdate what the runtime at hand means by updates that are peculiar to it
   * @param redactor takes out of what the agent prints what nobody shall read there
   */
  constructor(
    private readonly generation: number,
    private readonly readUpdate: UpdateReader = () => null,
    private readonly redactor: Redactor = Redactor.none,
  ) {
    this.redaction = new JournalRedaction(redactor);
  }

  feed(line: JournalLine): ReadLine {
    const effects = this.redaction.clean(line, this.effectsOf(line));
    return { offset: line.offset, end: line.end, effects, resumeAt: this.resumeAt(line.end) };
  }

  /** The journal is over at `offset`, although its last line does not say so: what is open ends here. */
  finish(offset: number): ReadLine {
    return { offset, end: offset, effects: this.closeAll(), resumeAt: offset };
  }

  private effectsOf(line: JournalLine): Effect[] {
    const message = parsedObject(line.text);
    if (!message) return line.text.trim() === '' ? [] : [{ type: 'noise', text: startOf(line.text, 500) }];
    if (message['method'] === '_flotilla/end') {
      return [...this.closeAll(), { type: 'end', code: numberOf(objectOf(message['params'])['code']) }];
    }
    if (typeof message['method'] !== 'string') return this.response(message);
    const params = objectOf(message['params']);
    if (message['id'] !== undefined) return this.request(message, params);
    return message['method'] === 'session/update' ? this.update(params, line) : [];
  }

  private resumeAt(end: number): number {
    return Math.min(end, this.redaction.waitsSince, ...[...this.open.values()].map((text) => text.offset));
  }

  /** An answer ends what was being said: a turn's last words, or the last words that `session/load` replayed. */
  private response(message: Json): Effect[] {
    const { id } = message;
    if (typeof id !== 'string') return []; // ours are texts
    const failure = message['error'] === undefined || message['error'] === null ? null : objectOf(message['error']);
    const error = failure && { code: numberOf(failure['code']), message: failureText(failure) };
    return [...this.closeAll(), { type: 'response', id, result: message['result'], error }];
  }

  private request(message: Json, params: Json): Effect[] {
    const session = typeof params['sessionId'] === 'string' ? params['sessionId'] : null;
    const rpcId = JSON.stringify(message['id']);
    const before = session === null ? [] : this.close(session);
    return [...before, { type: 'request', rpcId, method: String(message['method']), session, params }];
  }

  private update(params: Json, line: JournalLine): Effect[] {
    const session = params['sessionId'];
    if (typeof session !== 'string') return [];
    const update = objectOf(params['update']);
    const peculiar = this.readUpdate(update);
    if (peculiar === 'ignore') return [];
    if (peculiar === 'failing') return [{ type: 'failing', session }];
    switch (update['sessionUpdate']) {
      case 'agent_message_chunk':
      case 'agent_thought_chunk':
        return this.chunk(session, update, line);
      case 'user_message_chunk':
        return this.close(session);
      case 'tool_call':
      case 'tool_call_update':
        return this.tool(session, update, line);
      case 'plan': {
        const entries = Array.isArray(update['entries']) ? boundedList(update['entries']) : [];
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

  private chunk(session: string, update: Json, line: JournalLine): Effect[] {
    const text = textOf(update['content']);
    if (text === '') return [];
    const thought = update['sessionUpdate'] === 'agent_thought_chunk';
    const origin = typeof update['messageId'] === 'string' ? update['messageId'] : null;
    const before = this.open.get(session);
    const same = before?.thought === thought && before.origin === origin;
    const effects: Effect[] = [];
    let current = before;
    if (!current || !same || isFull(current)) {
      effects.push(...this.close(session));
      const messageId = `m${this.generation}-${line.offset}`;
      current = {
        messageId,
        origin,
        offset: line.offset,
        thought,
        continues: same,
        clean: this.redactor.stream(),
        text: '',
      };
      this.open.set(session, current);
    }
    const { messageId } = current;
    const shown = current.clean.push(text);
    if (shown === '') return effects;
    effects.push({ type: 'delta', session, messageId, charOffset: current.text.length, text: shown, thought });
    current.text += shown;
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
    text.text += text.clean.end();
    const kind = text.thought ? 'agent_thought' : 'agent_message';
    const data = { messageId: text.messageId, text: text.text, ...(text.continues ? { continues: true } : {}) };
    return [event(session, kind, data, text.offset)];
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
});

function usageOf(session: string, update: Json): Effect {
  const cost = objectOf(update['cost']);
  const amount = typeof cost['amount'] === 'number' ? cost['amount'] : null;
  return { type: 'usage', session, used: numberOf(update['used']), size: numberOf(update['size']), costUsd: amount };
}

function textOf(content: unknown): string {
  const text = objectOf(content)['text'];
  return typeof text === 'string' ? text : '';
}

function failureText(failure: Json): string {
  const message = typeof failure['message'] === 'string' ? failure['message'] : 'unknown failure';
  const detail = objectOf(failure['data'])['message'] ?? objectOf(failure['data'])['details'];
  const text = typeof detail === 'string' && !message.includes(detail) ? `${message}: ${detail}` : message;
  return startOf(text, 4000);
}
