import { useMutation } from '@tanstack/react-query';
import { type ReactNode, type SubmitEvent, useState } from 'react';
import { agentPath, call } from '../lib/api';
import { Dialog } from '../ui/dialog';
import { Field } from '../ui/field';
import { Failure } from '../ui/notice';
import { cronWords } from './schedules-tab';

export interface Schedule {
  readonly id: string;
  readonly name: string;
  readonly cron_expression: string;
  readonly message: string;
  readonly enabled: boolean;
  readonly timezone: string;
  readonly next_run_at: string | null;
  readonly will_fire: boolean;
  readonly will_not_fire_because: string | null;
}
interface Props {
  readonly agent: string;
  /** Null for a new one. */
  readonly schedule: Schedule | null;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

export function ScheduleDialog({ agent, schedule, onClose, onSaved }: Props): ReactNode {
  const [name, setName] = useState(schedule?.name ?? '');
  const [cron, setCron] = useState(schedule?.cron_expression ?? '0 9 * * 1-5');
  const [message, setMessage] = useState(schedule?.message ?? '');
  const [timezone, setTimezone] = useState(schedule?.timezone ?? zone());
  const save = useMutation({
    mutationFn: () => {
      const json = { name, cron_expression: cron, message, timezone };
      return schedule === null
        ? call('POST', agentPath(agent, '/schedules'), { json })
        : call('PUT', agentPath(agent, `/schedules/${schedule.id}`), { json });
    },
    onSuccess: onSaved,
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog title={schedule === null ? 'New schedule' : `Change ${schedule.name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <Field label="Name">
          <input required autoFocus maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        <div className="columns">
          <Field label="When" hint={cronWords(cron)}>
            <input
              required
              className="mono"
              autoComplete="off"
              value={cron}
              onChange={(event) => setCron(event.target.value)}
            />
          </Field>
          <Field label="Time zone">
            <input required autoComplete="off" value={timezone} onChange={(event) => setTimezone(event.target.value)} />
          </Field>
        </div>
        <Field label="Message to the agent">
          <textarea required rows={4} value={message} onChange={(event) => setMessage(event.target.value)} />
        </Field>
        <Failure error={save.error} />
        <div className="actions end">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={save.isPending}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
