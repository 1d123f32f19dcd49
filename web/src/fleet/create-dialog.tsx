import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, type ReactNode, useState } from 'react';
import { ApiError, call, get } from '../lib/api';
import { runtimes } from '../lib/format';
import { Dialog } from '../ui/dialog';
import { Field } from '../ui/field';
import { Failure } from '../ui/notice';

interface Template {
  readonly id: string;
  readonly display_name: string;
  readonly description: string;
}
interface Props {
  readonly onClose: () => void;
  readonly onCreated: (name: string) => void;
}

const empty = { name: '', runtime: '', template: '', runtime_model: '', cpu: '', memory: '', custom_instructions: '' };
type Wish = typeof empty;

/** Makes an agent. The answer comes when it runs; the list shows the way there. */
export function CreateDialog({ onClose, onCreated }: Props): ReactNode {
  const client = useQueryClient();
  const [wish, setWish] = useState(empty);
  const create = useMutation({
    mutationFn: () => call<{ name: string }>('POST', '/api/agents', { json: bodyOf(wish) }),
    onSuccess: ({ name }) => onCreated(name),
    onSettled: () => client.invalidateQueries({ queryKey: ['agents'] }),
  });
  const set = (field: keyof Wish) => (event: { target: { value: string } }) =>
    setWish((before) => ({ ...before, [field]: event.target.value }));
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Dialog title="New agent" onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="Name" hint="Letters, digits, dots and dashes; anything else becomes a dash.">
          <input
            required
            autoFocus
            autoCapitalize="none"
            autoComplete="off"
            maxLength={200}
            value={wish.name}
            onChange={set('name')}
          />
        </Field>
        <Field label="Runtime" hint="The coding program that runs in the container.">
          <select value={wish.runtime} onChange={set('runtime')}>
            <option value="">Server default</option>
            {runtimes.map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        </Field>
        <Templates value={wish.template} onChange={set('template')} />
        <details>
          <summary>Model, resources, instructions</summary>
          <Field label="Model" hint="As the runtime calls it; empty: its default.">
            <input
              autoCapitalize="none"
              autoComplete="off"
              value={wish.runtime_model}
              onChange={set('runtime_model')}
            />
          </Field>
          <div className="columns">
            <Field label="CPUs">
              <input inputMode="decimal" placeholder="2" value={wish.cpu} onChange={set('cpu')} />
            </Field>
            <Field label="Memory">
              <input placeholder="4g" value={wish.memory} onChange={set('memory')} />
            </Field>
          </div>
          <Field label="Instructions" hint="Added to the runtime's own instructions.">
            <textarea rows={4} value={wish.custom_instructions} onChange={set('custom_instructions')} />
          </Field>
        </details>
        <Failure error={create.error} />
        {create.isPending && (
          <p className="hint" role="status">
            Creating {wish.name.trim()}. The first agent of a runtime waits until its image is built. You may close
            this: it goes on.
          </p>
        )}
        <div className="actions end">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={create.isPending}>
            Create agent
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Shown where the server offers templates at all. */
function Templates({
  value,
  onChange,
}: {
  value: string;
  onChange: (event: { target: { value: string } }) => void;
}): ReactNode {
  const templates = useQuery({
    queryKey: ['templates'],
    queryFn: ({ signal }) => get<Template[]>('/api/templates', signal),
    retry: (_, error) => !(error instanceof ApiError),
    staleTime: 60_000,
  });
  if (!templates.data || templates.data.length === 0) return null;
  const chosen = templates.data.find(({ id }) => id === value);
  return (
    <Field label="Template" hint={chosen?.description}>
      <select value={value} onChange={onChange}>
        <option value="">None</option>
        {templates.data.map(({ id, display_name: title }) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
    </Field>
  );
}

/** What was filled in, and nothing else: the server knows its defaults. */
function bodyOf({ cpu, memory, ...rest }: Wish): Record<string, unknown> {
  const filled = (fields: Record<string, string>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(fields)
        .map(([name, value]) => [name, value.trim()] as const)
        .filter(([, value]) => value !== ''),
    );
  const resources = filled({ cpu, memory });
  return { ...filled(rest), ...(Object.keys(resources).length > 0 ? { resources } : {}) };
}
