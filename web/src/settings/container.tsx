import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { JSX, ReactNode } from 'react';
import { agentPath, call, get } from '../lib/api';
import type { Agent } from '../lib/types';
import { Field } from '../ui/field';
import { Failure } from '../ui/notice';
import { Told } from './told';

interface Props {
  readonly agent: Agent;
  readonly owns: boolean;
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
