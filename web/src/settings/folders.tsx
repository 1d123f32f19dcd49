import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { agentPath, call, get } from '../lib/api';
import type { Agent } from '../lib/types';
import { Switch } from '../ui/field';
import { Failure } from '../ui/notice';
import { Told } from './told';

interface Props {
  readonly agent: Agent;
  readonly owns: boolean;
}
interface Flags {
  readonly expose_enabled: boolean;
  readonly consume_enabled: boolean;
}
interface Folders extends Flags {
  readonly consumed_folders: readonly {
    readonly source_agent: string;
    readonly mount_path: string;
    readonly currently_mounted: boolean;
  }[];
  readonly restart_required: boolean;
}

/** Which folders the agent shares with others, and gets from them. */
export function FoldersCard({ agent, owns }: Props): ReactNode {
  const { name } = agent;
  const client = useQueryClient();
  const path = agentPath(name, '/folders');
  const known = useQuery({
    queryKey: ['agent', name, 'folders', agent.status],
    queryFn: ({ signal }) => get<Folders>(path, signal),
  });
  const save = useMutation({
    mutationFn: (wanted: Partial<Flags>) => call('PUT', path, { json: wanted }),
    onSettled: () => client.invalidateQueries({ queryKey: ['agent', name] }),
  });
  const { data } = known;
  const flag = (field: keyof Flags, label: string, hint: string): ReactNode => (
    <Switch
      label={label}
      hint={hint}
      checked={(save.isPending ? save.variables[field] : undefined) ?? data?.[field] ?? false}
      disabled={!owns || !data || save.isPending}
      onChange={(checked) => save.mutate({ [field]: checked })}
    />
  );
  return (
    <section className="card" aria-labelledby="folders">
      <h2 id="folders">Shared folders</h2>
      {flag('expose_enabled', 'Others may have its folder', 'What lies in shared-out; they may write there too.')}
      {flag('consume_enabled', 'It has the folders of others', 'As shared-in, from agents that it may call.')}
      {data && data.consumed_folders.length > 0 && (
        <ul className="rows">
          {data.consumed_folders.map(({ source_agent: source, mount_path: place, currently_mounted: mounted }) => (
            <li key={source}>
              <code>{place}</code>
              <span className="hint">{mounted ? 'there' : 'from the next start on'}</span>
            </li>
          ))}
        </ul>
      )}
      {data?.restart_required && (
        <Told
          key={save.submittedAt}
          agent={agent}
          message="The container has other folders than chosen here, until the agent starts again."
          waits
        />
      )}
      <Failure error={save.error ?? known.error} />
    </section>
  );
}

interface Callable {
  readonly name: string;
  readonly permitted: boolean;
}

/** Which other agents it may call, and so whose folders it may have. */
export function CallsCard({ agent, owns }: Props): ReactNode {
  const { name } = agent;
  const client = useQueryClient();
  const path = agentPath(name, '/permissions');
  const known = useQuery({
    queryKey: ['agent', name, 'permissions'],
    queryFn: ({ signal }) => get<{ available_agents: readonly Callable[] }>(path, signal),
  });
  const save = useMutation({
    mutationFn: ({ name: target, permitted }: Callable) =>
      call(permitted ? 'POST' : 'DELETE', `${path}/${encodeURIComponent(target)}`),
    onSettled: () => client.invalidateQueries({ queryKey: ['agent', name] }),
  });
  const others = known.data?.available_agents ?? [];
  return (
    <section className="card" aria-labelledby="calls">
      <h2 id="calls">Agents it may call</h2>
      {known.data && others.length === 0 && <p className="hint">There are no others that you can see.</p>}
      <div className="check-list">
        {others.map(({ name: other, permitted }) => (
          <label className="check" key={other}>
            <input
              type="checkbox"
              checked={save.isPending && save.variables.name === other ? save.variables.permitted : permitted}
              disabled={!owns || save.isPending}
              onChange={({ target: { checked } }) => save.mutate({ name: other, permitted: checked })}
            />{' '}
            {other}
          </label>
        ))}
      </div>
      <Failure error={save.error ?? known.error} />
    </section>
  );
}
