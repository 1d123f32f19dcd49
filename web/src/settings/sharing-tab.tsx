import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Trash2, UserPlus } from 'lucide-react';
import { type ReactNode, type SubmitEvent, useState } from 'react';
import { agentPath, call, get } from '../lib/api';
import { timeText } from '../lib/format';
import type { Agent } from '../lib/types';
import { Confirm } from '../ui/dialog';
import { Field } from '../ui/field';
import { Empty, Failure } from '../ui/notice';

interface Share {
  readonly id: number;
  readonly shared_with_email: string;
  readonly shared_by_email: string;
  readonly created_at: string;
}

/** Who else may work with an agent. */
export function SharingTab({ agent }: { readonly agent: Agent }): ReactNode {
  const { name } = agent;
  const client = useQueryClient();
  const [email, setEmail] = useState('');
  const [leaving, setLeaving] = useState<string | null>(null);
  const refresh = (): Promise<unknown> => client.invalidateQueries({ queryKey: ['agent', name] });
  const shares = useQuery({
    queryKey: ['agent', name, 'shares'],
    queryFn: ({ signal }) => get<readonly Share[]>(agentPath(name, '/shares'), signal),
  });
  const share = useMutation({
    mutationFn: () => call('POST', agentPath(name, '/share'), { json: { email: email.trim() } }),
    onSuccess: () => setEmail(''),
    onSettled: refresh,
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    share.mutate();
  };
  return (
    <div className="panel narrow-panel">
      <form className="inline-form" onSubmit={submit}>
        <Field
          label="E-mail address"
          hint="They see the agent once they sign in with it, and may start, stop and talk with it."
        >
          <input
            type="email"
            required
            autoComplete="off"
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        </Field>
        <button type="submit" className="primary" disabled={share.isPending}>
          <UserPlus aria-hidden size={16} /> Share
        </button>
      </form>
      <Failure error={share.error ?? shares.error} />
      {shares.data?.length === 0 && <Empty title="Shared with nobody" />}
      <ul className="rows">
        {shares.data?.map(({ id, shared_with_email: address, shared_by_email: by, created_at: at }) => (
          <li key={id}>
            <div>
              <strong>{address}</strong>
              <p className="hint">
                by {by}, {timeText(at)}
              </p>
            </div>
            <button
              type="button"
              className="icon-button"
              aria-label={`Share no more with ${address}`}
              onClick={() => setLeaving(address)}
            >
              <Trash2 aria-hidden size={16} />
            </button>
          </li>
        ))}
      </ul>
      {leaving !== null && (
        <Confirm
          title={`Share no more with ${leaving}?`}
          text="They lose access at once, also where they have it open."
          action="Remove"
          run={() => call('DELETE', agentPath(name, `/share/${encodeURIComponent(leaving)}`)).then(refresh)}
          onClose={() => setLeaving(null)}
        />
      )}
    </div>
  );
}
