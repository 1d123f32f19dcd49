import { useEffect, useReducer, useRef, useState } from 'react';
import { consolePath, send } from '../lib/api';
import type { ApiError, Send } from '../lib/http';
import { followStream } from '../lib/event-stream';
import {
  type Delta,
  emptyTranscript,
  type SessionStart,
  started,
  type StoredEvent,
  type Transcript,
  withDelta,
  withEvent,
} from './transcript';

type Action =
  | { readonly event: 'session'; readonly data: SessionStart }
  | { readonly event: 'batch'; readonly data: readonly Action[] }
  | { readonly event: 'event'; readonly data: StoredEvent }
  | { readonly event: 'delta'; readonly data: Delta };

export interface Conversation {
  readonly transcript: Transcript;
  readonly loading: boolean;
  readonly connected: boolean;
  readonly refused: ApiError | null;
}

/** Follows one conversation with an agent; `session` null: the running one, and the next one after it. */
export function useConversation(name: string, session: string | null): Conversation {
  const query = session === null ? '' : `?${new URLSearchParams({ session }).toString()}`;
  return useTranscript(send, consolePath(name, `/stream${query}`));
}

/** Follows the conversation of a stream; `onOther` hears what else the stream tells. */
export function useTranscript(
  sender: Send,
  path: string,
  onOther: (event: string, data: unknown) => void = ignore,
): Conversation {
  const other = useRef(onOther);
  useEffect(() => {
    other.current = onOther;
  }, [onOther]);
  const [transcript, dispatch] = useReducer(reduce, emptyTranscript);
  const [loading, setLoading] = useState(true);
  const [connected, setConnected] = useState(true);
  const [refused, setRefused] = useState<ApiError | null>(null);
  useEffect(() => {
    // Events come faster than a screen is drawn: they are taken together, once per frame.
    let waiting: Action[] = [];
    let frame = 0;
    const flush = (): void => {
      frame = 0;
      dispatch({ event: 'batch', data: waiting });
      waiting = [];
      setLoading(false);
    };
    const stop = followStream(sender, path, {
      onEvent(event, data) {
        if (event !== 'session' && event !== 'event' && event !== 'delta') {
          other.current(event, data);
          return;
        }
        waiting.push({ event, data } as Action);
        // A page that is not seen draws no frames.
        frame ||= document.hidden ? window.setTimeout(flush, 200) : requestAnimationFrame(flush);
      },
      onConnected: setConnected,
      onRefused: setRefused,
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
      clearTimeout(frame);
    };
  }, [sender, path]);
  return { transcript, loading, connected, refused };
}

const ignore = (): void => undefined;

function reduce(before: Transcript, action: Action): Transcript {
  switch (action.event) {
    case 'batch':
      return action.data.reduce(reduce, before);
    case 'session':
      return started(before, action.data);
    case 'event':
      return withEvent(before, action.data);
    case 'delta':
      return withDelta(before, action.data);
  }
}
