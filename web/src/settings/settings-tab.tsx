import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, type SubmitEvent, useState } from 'react';
import { agentPath, call, consolePath, get } from '../lib/api';
import { timeText } from '../lib/format';
import { useMe } from '../lib/queries';
import type { Agent } from '../lib/types';
import { Field, Switch } from '../ui/field';
import { Failure } from '../ui/notice';
import { ResourcesCard } from './container';
import { Credentials } from './credentials';
import { CallsCard, FoldersCard } from './folders';
import { TimeoutCard } from './limits';
import { ReadOnlyCard } from './read-only';

interface Approvals {
  readonly approvals: 'ask' | 'auto';
  readonly autonomy: boolean;
  readonly always_allowed: readonly string[];
}

/** How an agent behaves; changed by its owner only. */
export function SettingsTab({ agent }: { readonly agent: Agent }): ReactNode {
  const me = useMe();
  const owns = agent.is_owner || me.data?.role === 'admin';
  return (
    <div className="panel narrow-panel">
      <ApprovalsCard name={agent.name} owns={owns} />
      <TagsCard agent={agent} owns={owns} />
      <TimeoutCard agent={agent} owns={owns} />
      <ReadOnlyCard agent={agent} owns={owns} />
      <ResourcesCard agent={agent} owns={owns} />
      <FoldersCard agent={agent} owns={owns} />
      <CallsCard agent={agent} owns={owns} />
      <Credentials agent={agent} owns={owns} />
      <Facts agent={agent} />
    </div>
  );
}

function ApprovalsCard({ name, owns }: { readonly name: string; readonly owns: boolean }): ReactNode {
  const client = useQueryClient();
  const key = ['agent', name, 'approvals'];
  const path = consolePath(name, '/settings');
  const { data, error } = useQuery({ queryKey: key, queryFn: ({ signal }) => get<Approvals>(path, signal) });
  const save = useMutation({
    mutationFn: (ask: boolean) => call<Approvals>('PUT', path, { json: { approvals: ask ? 'ask' : 'auto' } }),
    onSuccess: (settings) => client.setQueryData(key, settings),
  });
  return (
    <section className="card" aria-labelledby="approvals">
      <h2 id="approvals">Approvals</h2>
      <Failure error={save.error ?? error} />
      {data && (
        <>
          <Switch
            label="Ask me first"
            hint={
              data.autonomy
                ? 'Autonomy is on: nothing is asked, whatever this says.'
                : 'It waits for a person before it changes files or runs commands. Applies from the next message on.'
            }
            checked={save.isPending ? save.variables : data.approvals === 'ask'}
            disabled={!owns}
            onChange={(checked) => save.mutate(checked)}
          />
          {data.always_allowed.length > 0 && (
            <details>
              <summary>Always allowed ({data.always_allowed.length})</summary>
              <ul>
                {data.always_allowed.map((pattern) => (
                  <li key={pattern}>
                    <code>{pattern}</code>
                  </li>
                ))}
              </ul>
            </details>
          )}
        </>
      )}
    </section>
  );
}

function TagsCard({ agent, owns }: { readonly agent: Agent; readonly owns: boolean }): ReactNode {
  const { name, tags } = agent;
  const client = useQueryClient();
  const [text, setText] = useState<string | null>(null);
  const save = useMutation({
    mutationFn: (wanted: string) => {
      const words = wanted.split(/[\s,]+/).filter((word) => word !== '');
      return call('PUT', agentPath(name, '/tags'), { json: { tags: words } });
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['agent', name] });
      await client.invalidateQueries({ queryKey: ['agents'] });
      setText(null);
    },
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (text !== null) save.mutate(text);
  };
  return (
    <section className="card" aria-labelledby="tags">
      <h2 id="tags">Tags</h2>
      <form className="inline-form" onSubmit={submit}>
        <Field label="Tags" hint="Small letters, digits and dashes, separated by commas.">
          <input
            disabled={!owns}
            autoCapitalize="none"
            autoComplete="off"
            value={text ?? tags.join(', ')}
            onChange={(event) => setText(event.target.value)}
          />
        </Field>
        {owns && (
          <button type="submit" disabled={text === null || save.isPending}>
            Save
          </button>
        )}
      </form>
      <Failure error={save.error} />
    </section>
  );
}

function Facts({ agent }: { readonly agent: Agent }): ReactNode {
  const facts = [
    ['Type', agent.type],
    ['Template', agent.template ?? 'none'],
    ['CPUs', agent.resources.cpu],
    ['Memory', agent.resources.memory],
    ['Created', timeText(agent.created)],
  ] as const;
  return (
    <section className="card" aria-labelledby="facts">
      <h2 id="facts">About</h2>
      <dl className="facts">
        {facts.map(([word, value]) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
