import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { LiveEvents, type LiveMessage, type LiveState } from './live';
import type { Member } from './types';

type Listener = (message: LiveMessage) => void;
interface Fleet {
  readonly state: LiveState;
  /** Hears every event of the fleet until the answer is called. */
  listen(listener: Listener): () => void;
}

const FleetContext = createContext<Fleet>({ state: 'connecting', listen: () => () => undefined });
export const useFleet = (): Fleet => useContext(FleetContext);

const requestEvents = new Set(['approval_requested', 'approval_answered', 'question_asked', 'question_answered']);
/** Milliseconds in which events are gathered before the list is read again. */
const gather = 250;

/** Keeps the server's events flowing into what the page has read: states at once, everything else by reading again. */
export function FleetProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>('connecting');
  const listeners = useRef(new Set<Listener>());

  useEffect(() => {
    let timer: number | null = null;
    const keys = new Set<string>();
    const refresh = (...names: string[]): void => {
      for (const name of names) keys.add(name);
      timer ??= window.setTimeout(() => {
        timer = null;
        for (const name of keys) void client.invalidateQueries({ queryKey: [name] });
        keys.clear();
      }, gather);
    };
    const take = (message: LiveMessage): void => {
      if (message.type === 'agent_status') {
        setStatus(message);
        refresh('agents', 'agent');
      } else if (requestEvents.has(message.type)) refresh('inbox');
      else if (message.type === 'agent_activity') refresh('activity', 'inbox');
      else if (message.type.startsWith('schedule_')) refresh('schedules', 'executions');
      else refresh('agents', 'agent');
      for (const listener of [...listeners.current]) listener(message);
    };
    const setStatus = ({ agent_name: name, status, reason = null }: LiveMessage): void => {
      client.setQueryData<Member[]>(['agents'], (members) =>
        members?.map((member) =>
          member.name === name && status !== undefined ? { ...member, status, state: null, reason } : member,
        ),
      );
    };
    const live = new LiveEvents({
      onState: setState,
      onOpen: () => refresh('agents', 'agent', 'inbox'),
      onMessage: take,
    });
    return () => {
      live.close();
      if (timer !== null) clearTimeout(timer);
    };
  }, [client]);

  const fleet = useMemo<Fleet>(
    () => ({
      state,
      listen(listener) {
        listeners.current.add(listener);
        return () => listeners.current.delete(listener);
      },
    }),
    [state],
  );
  return <FleetContext value={fleet}>{children}</FleetContext>;
}
