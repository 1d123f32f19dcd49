import type { FeedItem } from '../../core/links/link-feed.service.js';
import type { QuestionPayload } from '../../core/sessions/request.rules.js';
import type { SeenUpTo } from '../../core/sessions/session-watch.service.js';
import type { AgentRequest } from '../../core/sessions/agent-request.entity.js';
import type { SessionEvent, SessionEventKind } from '../../core/sessions/session-event.entity.js';
import type { ServerSentEvent } from '../../platform/http/server-sent-events.js';
import { SessionStateView } from './talk.dto.js';

/** What a visitor is shown of each kind of event. What it cost and who did it is not theirs to know. */
const shown: Readonly<Record<SessionEventKind, readonly string[] | 'all'>> = {
  user_message: ['text', 'messageId'],
  turn_started: [],
  agent_message: ['text', 'messageId', 'continues'],
  agent_thought: ['text', 'messageId', 'continues'],
  tool_call: 'all',
  tool_update: 'all',
  plan: ['entries'],
  usage: [],
  approval_requested: [],
  approval_answered: [],
  question_asked: [],
  question_answered: [],
  note: ['text'],
  turn_ended: ['state', 'error'],
};

/** An item of a conversation as an event of the stream. Only stored events have an id, from which a client goes on. */
export function feedEvent(item: FeedItem): ServerSentEvent {
  switch (item.type) {
    case 'state':
      return { event: 'state', data: item.link ? SessionStateView.of(item.link) : { state: 'gone' } };
    case 'waiting':
      return { event: 'waiting', data: waitingOf(item.requests) };
    case 'session':
      return { event: 'session', data: { session: item.session && { id: 'this', status: 'active' }, from: item.from } };
    case 'event': {
      const { seq, kind, turnId, at } = item.event;
      return {
        event: 'event',
        id: String(seq),
        data: { seq, kind, turn_id: turnId, at: at.toISOString(), data: visible(item.event) },
      };
    }
    case 'delta': {
      const { messageId, charOffset, text, thought } = item.delta;
      return { event: 'delta', data: { message_id: messageId, offset: charOffset, text, thought } };
    }
    case 'idle':
      return {};
  }
}

/** Anything that is no number is no place, and everything is sent. */
export function placeOf(id: string | undefined, sessionId: string): SeenUpTo | null {
  return /^\d{1,9}$/.test(id ?? '') ? { sessionId, seq: Number(id) } : null;
}

function visible({ kind, data }: SessionEvent): Readonly<Record<string, unknown>> {
  const fields = shown[kind];
  if (fields === 'all') return data;
  return Object.fromEntries(fields.flatMap((name) => (name in data ? [[name, data[name]]] : [])));
}

function waitingOf(requests: readonly AgentRequest[]): object {
  const of = (kind: AgentRequest['kind']): readonly AgentRequest[] => requests.filter((one) => one.kind === kind);
  return { approvals: of('approval').map(approvalOf), questions: of('question').map(questionOf) };
}

const common = ({ id, turnId, createdAt, expiresAt }: AgentRequest): object => ({
  id,
  turn_id: turnId,
  created_at: createdAt.toISOString(),
  expires_at: expiresAt.toISOString(),
});

function approvalOf(request: AgentRequest): object {
  const { title, kind, input, content } = request.payload;
  return { ...common(request), title: String(title), kind: String(kind), input, content, pattern: request.pattern };
}

function questionOf(request: AgentRequest): object {
  const { message, questions } = request.payload as unknown as QuestionPayload;
  const asked = questions.map(({ freeText, ...rest }) => ({ ...rest, free_text: freeText }));
  return { ...common(request), message, questions: asked };
}
