import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, type SubmitEvent, useState } from 'react';
import { agentPath, call, get } from '../lib/api';
import type { Agent } from '../lib/types';
import { Field, Switch } from '../ui/field';
import { Failure } from '../ui/notice';
import { Told } from './told';

interface Rules {
  readonly blocked_patterns: readonly string[];
  readonly allowed_patterns: readonly string[];
}
interface ReadOnly {
  readonly enabled: boolean;
  readonly config: Rules;
}
interface ReadOnlySet extends ReadOnly {
  readonly message: string;
}
interface Wish {
  readonly enabled: boolean;
  /** A list that is left out gets the server's defaults. */
  readonly config?: Partial<Rules>;
}

/** Whether the agent may change what lies in its home, and by which rules. */
export function ReadOnlyCard({ agent, owns }: { readonly agent: Agent; readonly owns: boolean }): ReactNode {
  const { name } = agent;
  const client = useQueryClient();
  const path = agentPath(name, '/read-only');
  const known = useQuery({
    queryKey: ['agent', name, 'read-only'],
    queryFn: ({ signal }) => get<ReadOnly>(path, signal),
  });
  const save = useMutation({
    mutationFn: (wish: Wish) => call<ReadOnlySet>('PUT', path, { json: wish }),
    onSettled: () => client.invalidateQueries({ queryKey: ['agent', name] }),
  });
  const { data } = known;
  return (
    <section className="card" aria-labelledby="read-only">
      <h2 id="read-only">Read-only mode</h2>
      <Switch
        label="Files stay as they are"
        hint={data && `What stays open: ${data.config.allowed_patterns.join(', ') || 'nothing'}`}
        checked={save.isPending ? save.variables.enabled : (data?.enabled ?? false)}
        disabled={!owns || !data || save.isPending}
        onChange={(enabled) => save.mutate({ enabled })}
      />
      {data && (
        <details>
          <summary>Write rules</summary>
          <RulesForm
            key={JSON.stringify(data.config)}
            rules={data.config}
            owns={owns}
            busy={save.isPending}
            onSave={(config) => save.mutate({ enabled: data.enabled, config })}
          />
        </details>
      )}
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

interface RulesProps {
  readonly rules: Rules;
  readonly owns: boolean;
  readonly busy: boolean;
  readonly onSave: (rules: Partial<Rules>) => void;
}

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** The patterns, one per line. */
function RulesForm({ rules, owns, busy, onSave }: RulesProps): ReactNode {
  const [blocked, setBlocked] = useState(rules.blocked_patterns.join('\n'));
  const [allowed, setAllowed] = useState(rules.allowed_patterns.join('\n'));
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    onSave({ blocked_patterns: linesOf(blocked), allowed_patterns: linesOf(allowed) });
  };
  return (
    <form onSubmit={submit}>
      <div className="columns">
        <Field label="Refused" hint="One pattern a line. *.py is a name at any depth, src/* all below src.">
          <textarea
            rows={8}
            className="mono"
            spellCheck={false}
            autoCapitalize="none"
            readOnly={!owns}
            value={blocked}
            onChange={(event) => setBlocked(event.target.value)}
          />
        </Field>
        <Field
          label="Allowed all the same"
          hint="These win. A whole folder (content/*) is open to every program of the agent, single names to its edits only."
        >
          <textarea
            rows={8}
            className="mono"
            spellCheck={false}
            autoCapitalize="none"
            readOnly={!owns}
            value={allowed}
            onChange={(event) => setAllowed(event.target.value)}
          />
        </Field>
      </div>
      {owns && (
        <div className="actions">
          <button type="submit" disabled={busy}>
            Save the rules
          </button>
          <button type="button" className="quiet" disabled={busy} onClick={() => onSave({})}>
            Use the defaults
          </button>
        </div>
      )}
    </form>
  );
}
