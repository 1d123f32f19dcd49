import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { JSX, ReactNode } from 'react';
import { agentPath, call, get } from '../lib/api';
import type { Agent } from '../lib/types';
import { Field, Switch } from '../ui/field';
import { Failure } from '../ui/notice';
import { Told } from './told';

interface Props {
  readonly agent: Agent;
  readonly owns: boolean;
}

interface ReadOnly {
  readonly enabled: boolean;
  readonly config: { readonly blocked_patterns: readonly string[]; readonly allowed_patterns: readonly string[] };
}
interface ReadOnlySet extends ReadOnly {
  readonly message: string;
}

/** Whether the agent may change what lies in its home. */
export function ReadOnlyCard({ agent, owns }: Props): ReactNode {
  const { name } = agent;
  const client = useQueryClient();
  const path = agentPath(name, '/read-only');
  const known = useQuery({
    queryKey: ['agent', name, 'read-only'],
    queryFn: ({ signal }) => get<ReadOnly>(path, signal),
  });
  const save = useMutation({
    mutationFn: (enabled: boolean) => call<ReadOnlySet>('PUT', path, { json: { enabled } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['agent', name] }),
  });
  const { data } = known;
  return (
    <section className="card" aria-labelledby="read-only">
      <h2 id="read-only">Read-only mode</h2>
      <Switch
        label="Files stay as they are"
        hint={data && `What stays open: ${data.config.allowed_patterns.join(', ') || 'nothing'}`}
        checked={save.isPending ? save.variables : (data?.enabled ?? false)}
        disabled={!owns || !data || save.isPending}
        onChange={(checked) => save.mutate(checked)}
      />
      {/* Not every engine closes homes: only the server's sentence says whether a start would. */}
      {save.isSuccess && (
        <Told
          key={save.submittedAt}
          agent={agent}
          message={save.data.message}
          waits={save.data.message.includes('Start the agent')}
        />
      )}
      <Failure error={save.error ?? known.error} />
    </section>
  );
}

interface Limits {
  readonly memory: string | null;
  readonly cpu: string | null;
}
interface Resources extends Limits {
  readonly current_memory: string;
  readonly current_cpu: string;
}
interface ResourcesSet extends Limits {
  readonly message: string;
  readonly restart_needed: boolean;
}
const offered = { memory: ['1g', '2g', '4g', '8g', '16g', '32g', '64g'], cpu: ['1', '2', '4', '8', '16'] } as const;

/** What the container may use. */
export function ResourcesCard({ agent, owns }: Props): ReactNode {
  const { name } = agent;
  const client = useQueryClient();
  const path = agentPath(name, '/resources');
  const known = useQuery({
    queryKey: ['agent', name, 'resources'],
    queryFn: ({ signal }) => get<Resources>(path, signal),
  });
  const save = useMutation({
    mutationFn: (wanted: Partial<Limits>) => call<ResourcesSet>('PUT', path, { json: wanted }),
    onSettled: () => client.invalidateQueries({ queryKey: ['agent', name] }),
  });
  const { data } = known;
  const choice = (field: keyof Limits): JSX.Element => (
    <select
      disabled={!owns || !data || save.isPending}
      value={(save.isPending ? save.variables[field] : undefined) ?? data?.[field] ?? ''}
      onChange={({ target: { value } }) => save.mutate({ [field]: value === '' ? null : value })}
    >
      <option value="">As created</option>
      {offered[field].map((value) => (
        <option key={value}>{value}</option>
      ))}
    </select>
  );
  return (
    <section className="card" aria-labelledby="resources">
      <h2 id="resources">Resources</h2>
      <div className="columns">
        <Field label="Most CPUs" hint={data && `Now ${data.current_cpu}`}>
          {choice('cpu')}
        </Field>
        <Field label="Most memory" hint={data && `Now ${data.current_memory}`}>
          {choice('memory')}
        </Field>
      </div>
      {save.isSuccess && (
        <Told key={save.submittedAt} agent={agent} message={save.data.message} waits={save.data.restart_needed} />
      )}
      <Failure error={save.error ?? known.error} />
    </section>
  );
}
