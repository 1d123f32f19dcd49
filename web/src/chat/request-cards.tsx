import { useMutation, useQueryClient } from '@tanstack/react-query';
import { createContext, type SubmitEvent, type ReactNode, useContext, useState } from 'react';
import { Link } from 'wouter';
import { call } from '../lib/api';
import { pretty, timeText } from '../lib/format';
import type { Approval, Asked, Question } from '../lib/types';
import { Field } from '../ui/field';
import { Failure } from '../ui/notice';
import { Contents } from './contents';

/** Brings an answer to where a page gives its answers; `path` is `approvals/<id>` or `questions/<id>`. */
export type GiveAnswer = (path: string, json: object) => Promise<unknown>;
const Answering = createContext<GiveAnswer>((path, json) => call('POST', `/~console/${path}/answer`, { json }));
/** For pages that give their answers elsewhere than in the console. */
export const AnswersGo = Answering.Provider;

/** Gives an answer; the first one counts, so a refusal may mean that somebody was faster. */
function useAnswer(path: string) {
  const client = useQueryClient();
  const give = useContext(Answering);
  return useMutation({
    mutationFn: (json: object) => give(path, json),
    onSettled: () => client.invalidateQueries({ queryKey: ['inbox'] }),
  });
}

interface ApprovalProps {
  readonly approval: Approval;
  /** Name of the agent, where it is shown: beside its own conversation it is not. */
  readonly agent?: string;
}

/** One approval: the exact call, and the three answers. */
export function ApprovalCard({ approval, agent }: ApprovalProps): ReactNode {
  const { id, title, kind, input, content, pattern, expires_at: expires } = approval;
  const [message, setMessage] = useState('');
  const answer = useAnswer(`approvals/${encodeURIComponent(id)}`);
  const reject = (): void => {
    const text = message.trim();
    answer.mutate({ decision: 'reject', ...(text === '' ? {} : { message: text }) });
  };
  return (
    <section className="card request" aria-label={`Approval: ${title}`}>
      <p className="asks">{agent === undefined ? 'The agent' : <AgentName name={agent} />} wants to act</p>
      <h3>{title}</h3>
      <p className="hint">
        {kind} · expires {timeText(expires)}
      </p>
      <Contents content={content} />
      {input !== null && input !== undefined && (
        <details open={!content || content.length === 0}>
          <summary>The exact call</summary>
          <pre tabIndex={0}>{pretty(input)}</pre>
        </details>
      )}
      {pattern !== null && (
        <p className="hint">
          “Always allow” covers exactly <code>{pattern}</code>
        </p>
      )}
      <Failure error={answer.error} />
      <div className="actions">
        <button
          type="button"
          className="primary"
          disabled={answer.isPending}
          onClick={() => answer.mutate({ decision: 'allow' })}
        >
          Allow once
        </button>
        {pattern !== null && (
          <button type="button" disabled={answer.isPending} onClick={() => answer.mutate({ decision: 'always' })}>
            Always allow
          </button>
        )}
        <button type="button" className="danger" disabled={answer.isPending} onClick={reject}>
          Reject
        </button>
      </div>
      <Field label="Message to the agent, sent with Reject">
        <input autoComplete="off" value={message} onChange={(event) => setMessage(event.target.value)} />
      </Field>
    </section>
  );
}

/** One set of questions an agent waits for: options, free text where allowed, or declining. */
export function QuestionCard({ question, agent }: { readonly question: Question; readonly agent?: string }): ReactNode {
  const { id, message, questions, expires_at: expires } = question;
  const [values, setValues] = useState<Readonly<Record<string, readonly string[]>>>({});
  const answer = useAnswer(`questions/${encodeURIComponent(id)}`);
  const missing = questions.find(({ key }) => (values[key] ?? []).length === 0);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!missing) answer.mutate({ answers: values });
  };
  return (
    <section className="card request" aria-label={`Question: ${message}`}>
      <p className="asks">{agent === undefined ? 'The agent' : <AgentName name={agent} />} asks</p>
      {!questions.some(({ text }) => text === message) && <h3>{message}</h3>}
      <form onSubmit={submit}>
        {questions.map((asked) => (
          <QuestionPart
            key={asked.key}
            asked={asked}
            group={`${id}-${asked.key}`}
            onChange={(chosen) => setValues((before) => ({ ...before, [asked.key]: chosen }))}
          />
        ))}
        <p className="hint">Expires {timeText(expires)}</p>
        <Failure error={answer.error} />
        <div className="actions">
          <button type="submit" className="primary" disabled={answer.isPending || missing !== undefined}>
            Answer
          </button>
          <button
            type="button"
            className="danger"
            disabled={answer.isPending}
            onClick={() => answer.mutate({ answers: null })}
          >
            Decline
          </button>
        </div>
      </form>
    </section>
  );
}

const AgentName = ({ name }: { readonly name: string }): ReactNode => (
  <Link href={`/agents/${encodeURIComponent(name)}`}>{name}</Link>
);

interface PartProps {
  readonly asked: Asked;
  readonly group: string;
  readonly onChange: (values: readonly string[]) => void;
}

/** Where one answer is asked for, typing one takes back the chosen one, and the other way round. */
function QuestionPart({ asked, group, onChange }: PartProps): ReactNode {
  const { text, header, options, multiple, free_text: freeText } = asked;
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [typed, setTyped] = useState('');
  const choose = (value: string, on: boolean): void => {
    const rest = multiple ? chosen.filter((one) => one !== value) : [];
    const next = on ? [...rest, value] : rest;
    const words = multiple ? typed : '';
    setChosen(next);
    setTyped(words);
    tell(next, words);
  };
  const type = (words: string): void => {
    const next = multiple ? chosen : [];
    setTyped(words);
    setChosen(next);
    tell(next, words);
  };
  const tell = (picked: readonly string[], words: string): void =>
    onChange(words.trim() === '' ? picked : [...picked, words.trim()]);
  return (
    <fieldset>
      <legend>{header && header !== text ? `${header}: ${text}` : text}</legend>
      {options.map(({ value, label, description }) => (
        <label key={value} className="choice">
          <input
            type={multiple ? 'checkbox' : 'radio'}
            name={group}
            checked={chosen.includes(value)}
            onChange={(event) => choose(value, event.target.checked)}
          />
          <span>
            {label} {description && <span className="hint">{description}</span>}
          </span>
        </label>
      ))}
      {(freeText || options.length === 0) && (
        <Field label={options.length > 0 ? 'Or in your own words' : 'Answer'}>
          <input autoComplete="off" value={typed} onChange={(event) => type(event.target.value)} />
        </Field>
      )}
    </fieldset>
  );
}
