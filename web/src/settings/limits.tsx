import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, type SubmitEvent, useState } from 'react';
import { agentPath, call, get } from '../lib/api';
import type { Agent } from '../lib/types';
import { Field } from '../ui/field';
import { Failure } from '../ui/notice';

interface Props {
  readonly agent: Agent;
  readonly owns: boolean;
}

/** How long one run may take. */
export function TimeoutCard({ agent, owns }: Props): ReactNode {
  const { name } = agent;
  const client = useQueryClient();
  const [minutes, setMinutes] = useState<string | null>(null);
  const key = ['agent', name, 'timeout'];
  const known = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => get<{ execution_timeout_seconds: number }>(agentPath(name, '/timeout'), signal),
  });
  const save = useMutation({
    mutationFn: (wanted: number) =>
      call('PUT', agentPath(name, '/timeout'), { json: { execution_timeout_seconds: wanted } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: key });
      setMinutes(null);
    },
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (minutes !== null) save.mutate(Math.round(Number(minutes) * 60));
  };
  const now = known.data ? String(known.data.execution_timeout_seconds / 60) : '';
  return (
    <section className="card" aria-labelledby="timeout">
      <h2 id="timeout">Time limit</h2>
      <form className="inline-form" onSubmit={submit}>
        <Field label="Minutes" hint="A run that takes longer is stopped. 1 to 120.">
          <input
            inputMode="decimal"
            required
            disabled={!owns}
            value={minutes ?? now}
            onChange={(event) => setMinutes(event.target.value)}
          />
        </Field>
        {owns && (
          <button type="submit" disabled={minutes === null || save.isPending}>
            Save
          </button>
        )}
      </form>
      <Failure error={save.error ?? known.error} />
    </section>
  );
}
