import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { ApiError, request } from '../lib/http';
import { type PageState, stateWords } from './page-state';

const everyMs = 5000;

/** The page of an agent: its name and its state. */
export function AgentCard({ base }: { readonly base: string }): ReactNode {
  const { data, error } = useQuery({
    queryKey: ['state'],
    queryFn: async ({ signal }) =>
      (await (await request('GET', `${base}/state`, { signal })).json()) as Pick<PageState, 'name' | 'state'>,
    refetchInterval: everyMs,
    retry: false,
  });
  const gone = error instanceof ApiError && error.status === 404;
  const name = gone ? 'Nothing here' : (data?.name ?? '');
  useEffect(() => {
    if (name !== '') document.title = name;
  }, [name]);
  if (!gone && !data) return null;
  return (
    <main className="agent-card">
      <h1>{name}</h1>
      <p role="status">
        {gone ? (
          'The agent was deleted, or the address is wrong.'
        ) : (
          <span className="status" data-state={data?.state}>
            {stateWords[data?.state ?? 'stopped']}
          </span>
        )}
      </p>
    </main>
  );
}
