import { useQuery, useQueryClient } from '@tanstack/react-query';
import { MessageSquarePlus } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { agentPath, call, consolePath, get } from '../lib/api';
import { timeText } from '../lib/format';
import { useInbox, useMe } from '../lib/queries';
import type { Agent } from '../lib/types';
import { Confirm } from '../ui/dialog';
import { Failure } from '../ui/notice';
import { Composer } from './composer';
import { ConversationView } from './conversation-view';
import { useConversation } from './use-conversation';

interface SessionRow {
  readonly id: string;
  readonly started_at: string;
  readonly message_count: number;
  readonly user_email: string | null;
  readonly status: string;
}

/** The conversation with one agent: what was said and done, what happens now, and what it waits for. */
export function ChatTab({ agent }: { readonly agent: Agent }): ReactNode {
  const { name } = agent;
  const client = useQueryClient();
  const [earlier, setEarlier] = useState<string | null>(null);
  const [renewing, setRenewing] = useState(false);
  const conversation = useConversation(name, earlier);
  const { transcript } = conversation;
  const inbox = useInbox();
  const sessions = useSessions(name, transcript.sessionId);
  const mine = <T extends { agent: string; session_id: string }>(all: readonly T[] | undefined): readonly T[] =>
    (all ?? []).filter((one) => one.agent === name && one.session_id === transcript.sessionId);

  const send = (message: string): Promise<unknown> =>
    call('POST', consolePath(name, '/messages'), { json: { message } });
  const stop = (turns: readonly string[]): Promise<unknown> =>
    // The last first, so that none begins because the one before it ended.
    Promise.all(
      [...turns].reverse().map((turnId) => call('POST', `/~console/turns/${encodeURIComponent(turnId)}/cancel`)),
    );
  const begin = async (): Promise<void> => {
    if (transcript.sessionId === null) return;
    await call('POST', agentPath(name, `/chat/sessions/${encodeURIComponent(transcript.sessionId)}/close`));
    await client.invalidateQueries({ queryKey: ['sessions', name] });
  };
  const others = sessions.filter(({ id, status }) => id === earlier || status === 'closed');
  return (
    <div className="chat">
      <div className="chat-bar">
        {others.length > 0 && (
          <select
            aria-label="Conversation"
            value={earlier ?? ''}
            onChange={(event) => setEarlier(event.target.value || null)}
          >
            <option value="">This conversation</option>
            {others.map(({ id, started_at: at, message_count: count }) => (
              <option key={id} value={id}>
                {timeText(at)} ({count})
              </option>
            ))}
          </select>
        )}
        {earlier === null && transcript.items.length > 0 && (
          <button type="button" className="quiet" onClick={() => setRenewing(true)}>
            <MessageSquarePlus aria-hidden size={15} /> New conversation
          </button>
        )}
      </div>
      <Failure error={conversation.refused} />
      <ConversationView
        key={earlier ?? 'now'}
        name={name}
        conversation={conversation}
        approvals={mine(inbox.data?.approvals)}
        questions={mine(inbox.data?.questions)}
        onStop={stop}
      />
      {earlier === null && <Composer name={name} enabled={agent.status === 'running'} onSend={send} />}
      {renewing && (
        <Confirm
          title="Begin a new conversation?"
          text="The agent forgets this conversation. It stays readable here."
          action="Begin"
          run={begin}
          onClose={() => setRenewing(false)}
        />
      )}
    </div>
  );
}

/** One's own conversations with an agent. Administrators are given everybody's, so theirs are picked out by address. */
function useSessions(name: string, current: string | null): readonly SessionRow[] {
  const me = useMe();
  const { data } = useQuery({
    queryKey: ['sessions', name, current],
    queryFn: ({ signal }) => get<{ sessions: readonly SessionRow[] }>(agentPath(name, '/chat/sessions'), signal),
  });
  return (data?.sessions ?? []).filter(({ user_email: email }) => email === (me.data?.email ?? null));
}
