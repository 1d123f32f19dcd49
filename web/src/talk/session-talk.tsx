import { type ReactNode, useCallback, useEffect } from 'react';
import { Composer } from '../chat/composer';
import { ConversationView } from '../chat/conversation-view';
import { AnswersGo } from '../chat/request-cards';
import { request } from '../lib/http';
import { Failure, Notice } from '../ui/notice';
import { sentenceOf, stateWords } from './page-state';
import { useTalk } from './use-talk';

/** The page of one conversation: what was said and done, what happens now, and what it waits for. */
export function SessionTalk({ base }: { readonly base: string }): ReactNode {
  const { conversation, page, waiting } = useTalk(base);
  const name = page?.name ?? 'The agent';
  useEffect(() => {
    if (page) document.title = page.title ?? page.name;
  }, [page]);
  const answer = useCallback(
    (path: string, json: object): Promise<unknown> => request('POST', `${base}/${path}`, { json }),
    [base],
  );
  const send = (message: string): Promise<unknown> => request('POST', `${base}/messages`, { json: { message } });
  const attach = useCallback(
    async (file: File): Promise<string> => {
      const body = new FormData();
      body.set('file', file);
      const stored = (await (await request('POST', `${base}/files`, { body })).json()) as { path: string };
      return stored.path;
    },
    [base],
  );
  const stop = (): Promise<unknown> => request('POST', `${base}/stop`);
  const sentence = page && sentenceOf(page);
  const refused = conversation.refused?.status === 404 ? null : conversation.refused;
  return (
    <main className="talk">
      <header className="talk-head">
        <h1>{page?.title ?? page?.name ?? ''}</h1>
        {page && (
          <span className="status" data-state={page.state}>
            {stateWords[page.state]}
          </span>
        )}
      </header>
      <div className="chat">
        <AnswersGo value={answer}>
          <ConversationView
            name={name}
            conversation={conversation}
            approvals={waiting.approvals}
            questions={waiting.questions}
            onStop={stop}
          />
        </AnswersGo>
        <Failure error={refused} />
        {sentence && <Notice kind="info">{sentence}</Notice>}
        {page?.state !== 'gone' && (
          <Composer name={name} enabled={page?.state === 'running'} onSend={send} onAttach={attach} />
        )}
      </div>
    </main>
  );
}
