import { useCallback, useState } from 'react';
import { type Conversation, useTranscript } from '../chat/use-conversation';
import { request } from '../lib/http';
import type { Approval, Question } from '../lib/types';
import type { PageState } from './page-state';

export interface Waiting {
  readonly approvals: readonly Approval[];
  readonly questions: readonly Question[];
}

export interface Talk {
  readonly conversation: Conversation;
  /** Null until the server has told. */
  readonly page: PageState | null;
  readonly waiting: Waiting;
}

const nothing: Waiting = { approvals: [], questions: [] };
const gone: PageState = { name: 'The agent', state: 'gone', title: null };

/** Follows the conversation of an address, with all that it waits for and how its agent is. */
export function useTalk(base: string): Talk {
  const [page, setPage] = useState<PageState | null>(null);
  const [waiting, setWaiting] = useState<Waiting>(nothing);
  const take = useCallback((event: string, data: unknown): void => {
    if (event === 'waiting') setWaiting(data as Waiting);
    // What was shown last stays on the screen when it is gone: only its state changes.
    if (event === 'state') setPage((before) => ({ ...(before ?? gone), ...(data as Partial<PageState>) }));
  }, []);
  const conversation = useTranscript(request, `${base}/stream`, take);
  const isGone = conversation.refused?.status === 404;
  return {
    conversation,
    page: isGone ? { ...(page ?? gone), state: 'gone' } : page,
    waiting: isGone || page?.state === 'gone' ? nothing : waiting,
  };
}
