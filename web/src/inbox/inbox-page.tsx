import type { ReactNode } from 'react';
import { ApprovalCard, QuestionCard } from '../chat/request-cards';
import { counted } from '../lib/format';
import { useInbox } from '../lib/queries';
import { Empty, Failure } from '../ui/notice';

/** Everything in the fleet that waits for a person, oldest first. */
export function InboxPage(): ReactNode {
  const inbox = useInbox();
  const { approvals, questions } = inbox.data ?? { approvals: [], questions: [] };
  const cards = [
    ...approvals.map((approval) => ({
      at: approval.created_at,
      id: approval.id,
      card: <ApprovalCard approval={approval} agent={approval.agent} />,
    })),
    ...questions.map((question) => ({
      at: question.created_at,
      id: question.id,
      card: <QuestionCard question={question} agent={question.agent} />,
    })),
  ].sort((a, b) => a.at.localeCompare(b.at));
  return (
    <div className="page narrow">
      <div className="page-head">
        <div>
          <h1>Inbox</h1>
          {cards.length > 0 && (
            <p className="hint">{counted(cards.length, 'request waits for you', 'requests wait for you')}</p>
          )}
        </div>
      </div>
      <Failure error={inbox.error} />
      {inbox.isSuccess && cards.length === 0 && (
        <Empty title="Nothing waits for you">
          <p>
            When an agent wants to act or asks a question, it shows up here. Agents ask before they act when “Ask me
            first” is on in their settings.
          </p>
        </Empty>
      )}
      {cards.map(({ id, card }) => (
        <div key={id}>{card}</div>
      ))}
    </div>
  );
}
