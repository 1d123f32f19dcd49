import { useMutation, useQueryClient } from '@tanstack/react-query';
import { MoreVertical, Pencil, Play, Square, Trash2 } from 'lucide-react';
import { type SubmitEvent, type ReactNode, useState } from 'react';
import { useLocation } from 'wouter';
import { agentPath, call, messageOf } from '../lib/api';
import type { Agent, Member } from '../lib/types';
import { Confirm, Dialog } from '../ui/dialog';
import { Field } from '../ui/field';
import { Failure } from '../ui/notice';

/** Starts what is stopped, and stops the rest after a question. */
export function PowerButton({ agent }: { readonly agent: Pick<Member, 'name' | 'status'> }): ReactNode {
  const { name, status } = agent;
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const refresh = (): Promise<unknown> => client.invalidateQueries({ queryKey: ['agents'] });
  const start = useMutation({ mutationFn: () => call('POST', agentPath(name, '/start')), onSettled: refresh });
  if (status === 'stopped') {
    return (
      <>
        {start.isError && (
          <span className="error-text" role="alert">
            {messageOf(start.error)}
          </span>
        )}
        <button type="button" disabled={start.isPending} aria-label={`Start ${name}`} onClick={() => start.mutate()}>
          <Play aria-hidden size={14} /> Start
        </button>
      </>
    );
  }
  return (
    <>
      <button type="button" aria-label={`Stop ${name}`} onClick={() => setAsking(true)}>
        <Square aria-hidden size={14} /> Stop
      </button>
      {asking && (
        <Confirm
          title={`Stop ${name}?`}
          text="Work in progress is interrupted. Its files and conversations stay."
          action="Stop"
          run={() => call('POST', agentPath(name, '/stop')).then(refresh)}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}

/** What only its owner may do: rename and delete. */
export function OwnerMenu({ agent }: { readonly agent: Agent }): ReactNode {
  const { name, can_delete: mayDelete } = agent;
  const [, go] = useLocation();
  const client = useQueryClient();
  const [open, setOpen] = useState<'rename' | 'delete' | null>(null);
  if (!mayDelete) return null;
  const close = (): void => setOpen(null);
  return (
    <details className="menu" onKeyDown={closeOnEscape}>
      <summary className="icon-button" aria-label={`More for ${name}`}>
        <MoreVertical aria-hidden size={18} />
      </summary>
      <div className="menu-items">
        <button type="button" onClick={() => setOpen('rename')}>
          <Pencil aria-hidden size={14} /> Rename
        </button>
        <button type="button" className="danger-text" onClick={() => setOpen('delete')}>
          <Trash2 aria-hidden size={14} /> Delete
        </button>
      </div>
      {open === 'rename' && <Rename name={name} onClose={close} />}
      {open === 'delete' && (
        <Confirm
          title={`Delete ${name}?`}
          text="Its container, files and conversations are deleted for good."
          action="Delete"
          run={async () => {
            await call('DELETE', agentPath(name));
            await client.invalidateQueries({ queryKey: ['agents'] });
            go('/');
          }}
          onClose={close}
        />
      )}
    </details>
  );
}

function closeOnEscape(event: { key: string; currentTarget: HTMLDetailsElement }): void {
  if (event.key === 'Escape' && !event.currentTarget.querySelector('dialog')) event.currentTarget.open = false;
}

function Rename({ name, onClose }: { readonly name: string; readonly onClose: () => void }): ReactNode {
  const [wanted, setWanted] = useState(name);
  const [, go] = useLocation();
  const client = useQueryClient();
  const rename = useMutation({
    mutationFn: () => call<{ new_name: string }>('PUT', agentPath(name, '/rename'), { json: { new_name: wanted } }),
    onSuccess: async ({ new_name: renamed }) => {
      await client.invalidateQueries({ queryKey: ['agents'] });
      go(`/agents/${encodeURIComponent(renamed)}`, { replace: true });
    },
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    rename.mutate();
  };
  return (
    <Dialog title={`Rename ${name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="New name" hint="A running agent is stopped, and stays so until you start it.">
          <input
            required
            autoFocus
            autoCapitalize="none"
            autoComplete="off"
            value={wanted}
            onChange={(event) => setWanted(event.target.value)}
          />
        </Field>
        <Failure error={rename.error} />
        <div className="actions end">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={rename.isPending}>
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}
