import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import cronstrue from 'cronstrue';
import { Pencil, Play, Plus, Trash2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { agentPath, call, get } from '../lib/api';
import { durationText, timeText } from '../lib/format';
import { useMe } from '../lib/queries';
import type { Agent } from '../lib/types';
import { Confirm } from '../ui/dialog';
import { Switch } from '../ui/field';
import { Empty, Failure } from '../ui/notice';
import { type Schedule, ScheduleDialog } from './schedule-dialog';

interface Execution {
  readonly id: string;
  readonly schedule_id: string;
  readonly status: string;
  readonly started_at: string;
  readonly duration_ms: number | null;
  readonly response: string | null;
  readonly error: string | null;
  readonly triggered_by: string;
  readonly cost: number | null;
}
interface Autonomy {
  readonly autonomy_enabled: boolean;
}

/** A cron expression in words; as it is where there are none. */
export function cronWords(expression: string): string {
  try {
    return cronstrue.toString(expression, { use24HourTimeFormat: true });
  } catch {
    return expression;
  }
}

/** When an agent works by itself, and what came of it. */
export function SchedulesTab({ agent }: { readonly agent: Agent }): ReactNode {
  const { name } = agent;
  const me = useMe();
  const owns = agent.is_owner || me.data?.role === 'admin';
  const client = useQueryClient();
  const [editing, setEditing] = useState<Schedule | 'new' | null>(null);
  const [deleting, setDeleting] = useState<Schedule | null>(null);
  const refresh = async (): Promise<void> => {
    await client.invalidateQueries({ queryKey: ['schedules', name] });
    await client.invalidateQueries({ queryKey: ['executions', name] });
  };
  const schedules = useQuery({
    queryKey: ['schedules', name],
    queryFn: ({ signal }) => get<readonly Schedule[]>(agentPath(name, '/schedules'), signal),
  });
  const autonomy = useQuery({
    queryKey: ['schedules', name, 'autonomy'],
    queryFn: ({ signal }) => get<Autonomy>(agentPath(name, '/autonomy'), signal),
  });
  const setAutonomy = useMutation({
    mutationFn: (enabled: boolean) => call('PUT', agentPath(name, '/autonomy'), { json: { enabled } }),
    onSettled: refresh,
  });
  const act = useMutation({
    mutationFn: ({ id, what }: { id: string; what: string }) =>
      call('POST', agentPath(name, `/schedules/${id}/${what}`)),
    onSettled: refresh,
  });
  return (
    <div className="panel">
      <section className="card" aria-label="Autonomy">
        <Switch
          label="Autonomy"
          hint="Only while this is on do schedules fire by themselves. Nothing is asked then, whatever the settings say."
          checked={setAutonomy.isPending ? setAutonomy.variables : (autonomy.data?.autonomy_enabled ?? false)}
          disabled={!owns || agent.is_system || !autonomy.data}
          onChange={(checked) => setAutonomy.mutate(checked)}
        />
        <Failure error={setAutonomy.error ?? autonomy.error} />
      </section>
      <div className="panel-bar">
        <h2>Schedules</h2>
        <button type="button" className="primary" onClick={() => setEditing('new')}>
          <Plus aria-hidden size={15} /> New schedule
        </button>
      </div>
      <Failure error={act.error ?? schedules.error} />
      {schedules.data?.length === 0 && (
        <Empty title="No schedules yet">
          <p>A schedule says the same message to the agent again and again: each morning, each hour.</p>
        </Empty>
      )}
      <ul className="rows">
        {schedules.data?.map((schedule) => (
          <li key={schedule.id} className="schedule">
            <div>
              <strong>{schedule.name}</strong>
              <p className="hint">
                {cronWords(schedule.cron_expression)} ({schedule.timezone})
              </p>
              <p className="hint">
                {schedule.will_fire
                  ? `Next: ${timeText(schedule.next_run_at)}`
                  : `Will not run: ${schedule.will_not_fire_because ?? 'it is off'}`}
              </p>
            </div>
            <div className="actions">
              <Switch
                label="On"
                checked={schedule.enabled}
                onChange={(on) => act.mutate({ id: schedule.id, what: on ? 'enable' : 'disable' })}
              />
              <button type="button" onClick={() => act.mutate({ id: schedule.id, what: 'trigger' })}>
                <Play aria-hidden size={14} /> Run now
              </button>
              <button
                type="button"
                className="icon-button"
                aria-label={`Change ${schedule.name}`}
                onClick={() => setEditing(schedule)}
              >
                <Pencil aria-hidden size={16} />
              </button>
              <button
                type="button"
                className="icon-button"
                aria-label={`Delete ${schedule.name}`}
                onClick={() => setDeleting(schedule)}
              >
                <Trash2 aria-hidden size={16} />
              </button>
            </div>
          </li>
        ))}
      </ul>
      <Executions name={name} schedules={schedules.data ?? []} />
      {editing !== null && (
        <ScheduleDialog
          agent={name}
          schedule={editing === 'new' ? null : editing}
          onClose={() => setEditing(null)}
          onSaved={() => {
            setEditing(null);
            void refresh();
          }}
        />
      )}
      {deleting !== null && (
        <Confirm
          title={`Delete ${deleting.name}?`}
          text="The list of its runs goes with it."
          action="Delete"
          run={() => call('DELETE', agentPath(name, `/schedules/${deleting.id}`)).then(refresh)}
          onClose={() => setDeleting(null)}
        />
      )}
    </div>
  );
}

function Executions({
  name,
  schedules,
}: {
  readonly name: string;
  readonly schedules: readonly Schedule[];
}): ReactNode {
  const { data, error } = useQuery({
    queryKey: ['executions', name],
    queryFn: ({ signal }) => get<readonly Execution[]>(agentPath(name, '/executions?limit=50'), signal),
    refetchInterval: 10_000,
  });
  if (error) return <Failure error={error} />;
  if (!data || data.length === 0) return null;
  const nameOf = (id: string): string => schedules.find((schedule) => schedule.id === id)?.name ?? 'a deleted schedule';
  return (
    <>
      <h2>Runs</h2>
      <ul className="rows">
        {data.map((run) => (
          <li key={run.id}>
            <details className="run">
              <summary>
                <span className="run-status" data-status={run.status}>
                  {run.status}
                </span>
                {nameOf(run.schedule_id)}
                <span className="hint">
                  {timeText(run.started_at)}
                  {run.duration_ms !== null && `, ${durationText(run.duration_ms)}`}
                  {run.triggered_by === 'manual' && ', by hand'}
                </span>
              </summary>
              <pre tabIndex={0}>{run.error ?? run.response ?? 'No words came of it.'}</pre>
            </details>
          </li>
        ))}
      </ul>
    </>
  );
}
