import { Square } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { messageOf } from '../lib/http';
import { shortTime } from '../lib/format';
import type { Approval, Question } from '../lib/types';
import { Empty, Notice } from '../ui/notice';
import { ItemList } from './item-list';
import { Markdown } from './markdown';
import { ApprovalCard, QuestionCard } from './request-cards';
import { ToolCard } from './tool-card';
import type { Item, Transcript } from './transcript';
import type { Conversation } from './use-conversation';

interface Props {
  readonly name: string;
  readonly conversation: Conversation;
  readonly approvals: readonly Approval[];
  readonly questions: readonly Question[];
  /** Stops these turns, the oldest first. */
  readonly onStop: (turns: readonly string[]) => Promise<unknown>;
}

/** Pixels from the end within which one is taken to read along. */
const nearEnd = 80;

/** A conversation: it keeps to its end while one reads along, and stays where it is when one reads back. */
export function ConversationView({ name, conversation, approvals, questions, onStop }: Props): ReactNode {
  const { transcript, loading, connected } = conversation;
  const log = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    const box = log.current;
    const look = (): void => {
      atEnd.current = !box || box.scrollHeight - box.scrollTop - box.clientHeight < nearEnd;
    };
    box?.addEventListener('scroll', look, { passive: true });
    return () => box?.removeEventListener('scroll', look);
  }, []);
  const keepAtEnd = useCallback(() => {
    if (atEnd.current && log.current) log.current.scrollTop = log.current.scrollHeight;
  }, []);
  useLayoutEffect(keepAtEnd, [keepAtEnd, transcript, approvals.length, questions.length]);

  const active = activeTurns(transcript);
  return (
    <>
      <div
        ref={log}
        className="messages"
        role="log"
        aria-label={`Conversation with ${name}`}
        tabIndex={0}
        aria-busy={loading}
      >
        {transcript.from > 0 && <p className="hint centred">Earlier messages are not shown.</p>}
        {!loading && transcript.items.length === 0 && !transcript.open && (
          <Empty title="Nothing was said yet">
            <p>Write what {name} should do. It works in its own container, and you see every step here.</p>
          </Empty>
        )}
        <ItemList
          items={transcript.items}
          box={log}
          onMeasured={keepAtEnd}
          draw={(item) => (
            <ItemView
              key={item.id}
              item={item}
              name={name}
              queued={item.turnId !== null && transcript.turns[item.turnId] === 'queued'}
            />
          )}
        />
        {transcript.open && (
          <div className={`message ${transcript.open.thought ? 'thought' : 'agent'} open`}>
            <Markdown text={transcript.open.text} />
          </div>
        )}
        {approvals.map((approval) => (
          <ApprovalCard key={approval.id} approval={approval} />
        ))}
        {questions.map((question) => (
          <QuestionCard key={question.id} question={question} />
        ))}
      </div>
      {!connected && <Notice kind="info">The connection was lost. It comes back by itself; nothing is lost.</Notice>}
      {active.length > 0 && (
        <Working name={name} turns={active} waits={approvals.length + questions.length > 0} onStop={onStop} />
      )}
    </>
  );
}

const activeTurns = ({ turns }: Transcript): readonly string[] =>
  Object.entries(turns)
    .filter(([, state]) => state === 'queued' || state === 'running')
    .map(([id]) => id);

interface ItemProps {
  readonly item: Item;
  readonly name: string;
  readonly queued: boolean;
}

function ItemView({ item, name, queued }: ItemProps): ReactNode {
  switch (item.type) {
    case 'tool':
      return <ToolCard tool={item} />;
    case 'user':
      return (
        <div className="message user">
          <div className="author">
            <strong>You</strong>{' '}
            {queued ? 'waiting for its turn' : <time dateTime={item.at}>{shortTime(item.at)}</time>}
          </div>
          <p className="words">{item.text}</p>
        </div>
      );
    case 'agent':
      return (
        <div className="message agent">
          <div className="author">
            <strong>{name}</strong> <time dateTime={item.at}>{shortTime(item.at)}</time>
          </div>
          <Markdown text={item.text} />
        </div>
      );
    case 'thought':
      return (
        <details className="thought">
          <summary>Thinking</summary>
          <Markdown text={item.text} />
        </details>
      );
    case 'plan':
      return (
        <div className="plan">
          <h4>Plan</h4>
          <Markdown text={item.text} />
        </div>
      );
    default:
      return (
        <p className={item.type} role={item.type === 'failed' ? 'alert' : undefined}>
          {item.text}
        </p>
      );
  }
}

interface WorkingProps {
  readonly name: string;
  readonly turns: readonly string[];
  readonly waits: boolean;
  readonly onStop: (turns: readonly string[]) => Promise<unknown>;
}

/** What goes on, and the way to stop it. */
function Working({ name, turns, waits, onStop }: WorkingProps): ReactNode {
  const [error, setError] = useState<unknown>(null);
  const [stopping, setStopping] = useState(false);
  const stop = (): void => {
    setStopping(true);
    setError(null);
    onStop(turns)
      .catch(setError)
      .finally(() => setStopping(false));
  };
  const queued = turns.length - 1;
  return (
    <div className="working" role="status">
      {!waits && <span className="dots" aria-hidden="true" />}
      <span>
        {waits ? `${name} waits for you` : `${name} is working`}
        {queued > 0 && `, ${queued} more ${queued === 1 ? 'message waits' : 'messages wait'}`}
      </span>
      {error !== null && <span className="error-text">{messageOf(error)}</span>}
      <button type="button" className="quiet" disabled={stopping} onClick={stop}>
        <Square aria-hidden size={13} /> {stopping ? 'Stopping' : 'Stop'}
      </button>
    </div>
  );
}
