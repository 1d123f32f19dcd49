import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { agentPath, call } from '../lib/api';
import type { Agent } from '../lib/types';
import { Failure, Notice } from '../ui/notice';

interface Props {
  readonly agent: Agent;
  /** What the server said about the last change. */
  readonly message: string;
  /** The container is not yet as stored. */
  readonly waits: boolean;
}

/** What a change came to, and, where the running container has to be made anew for it, the button that does so. */
export function Told({ agent, message, waits }: Props): ReactNode {
  const { name, status } = agent;
  const client = useQueryClient();
  const apply = useMutation({
    mutationFn: () => call('POST', agentPath(name, '/start')),
    onSettled: () => client.invalidateQueries({ queryKey: ['agent', name] }),
  });
  if (apply.isSuccess) return <Notice kind="info">Applied.</Notice>;
  return (
    <>
      <Notice kind="info">{message}</Notice>
      {waits && status === 'running' && (
        <div className="actions">
          <button type="button" disabled={apply.isPending} onClick={() => apply.mutate()}>
            Apply now
          </button>
          <span className="hint">Makes the container anew: files and conversation stay, work in progress ends.</span>
        </div>
      )}
      <Failure error={apply.error} />
    </>
  );
}
