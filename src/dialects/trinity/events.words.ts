import type { CredentialsOutcome } from '../../core/credentials/credentials-outcome.js';
import type { FleetEvent } from '../../core/events/fleet-events.js';
import type { InstanceState } from '../../core/instances/instance.lifecycle.js';
import type { Activity } from '../../core/sessions/activity.entity.js';
import type { TurnOrigin } from '../../core/sessions/turn.entity.js';
import type { AgentStatusView } from './agents.dto.js';
import { CredentialsResultView } from './credentials.dto.js';
import { activityTypeOf, statusOf } from './words.js';

/** What a message needs beside the event itself. */
export interface Known {
  /** The agent's name now; null when it is gone. */
  readonly name: string | null;
  /** The agent as `GET` shows it, for the events that carry it. */
  readonly agent: AgentStatusView | null;
}

type Wire = Readonly<Record<string, unknown>>;

/** Events whose message carries the agent itself. */
export const carriesAgent = (event: FleetEvent): boolean => event.type === 'agent.created';

/** A fleet event in this API's words (contract 15.4); null when it has none for it. */
export function worded(event: FleetEvent, known: Known): Wire | null {
  const name = known.name ?? textOf(event.data['slug']) ?? '';
  switch (event.type) {
    case 'agent.created':
      return lifecycle(event, 'agent_created', name, known.agent ? createdData(known.agent) : { name });
    case 'agent.started':
      return lifecycle(event, 'agent_started', name, startedData(event, name));
    case 'agent.stopped':
      return lifecycle(event, 'agent_stopped', name, { name });
    case 'agent.deleted':
      return lifecycle(event, 'agent_deleted', name, { name });
    case 'agent.renamed': {
      const data = { old_name: event.data['oldSlug'], new_name: event.data['newSlug'] };
      return lifecycle(event, 'agent_renamed', textOf(data.new_name) ?? name, data);
    }
    case 'agent.shared':
      return lifecycle(event, 'agent_shared', name, { name, shared_with: event.data['email'] });
    case 'agent.unshared':
      return lifecycle(event, 'agent_unshared', name, { name, removed_user: event.data['email'] });
    case 'agent.tags_changed':
      return { type: 'agent_tags_changed', agent_name: name, timestamp: event.at.toISOString() };
    case 'instance.state':
      return {
        type: 'agent_status',
        agent_name: name,
        status: statusOf(event.data['state'] as InstanceState),
        reason: event.data['reason'] ?? null,
        timestamp: event.at.toISOString(),
      };
    case 'instance.progress':
      return {
        type: 'agent_status',
        agent_name: name,
        status: 'restarting',
        reason: event.data['reason'],
        timestamp: event.at.toISOString(),
      };
    case 'agent.activity':
      return activity(event, name);
    case 'agent.collaborated':
      return {
        type: 'agent_collaboration',
        source_agent: event.data['source'],
        target_agent: name,
        action: event.data['lane'] === 'task' ? 'parallel_task' : 'chat',
        timestamp: event.at.toISOString(),
      };
    case 'turn.started':
    case 'turn.ended':
    case 'schedule.settled':
      return scheduleRun(event, name);
    case 'approval.requested':
    case 'approval.answered':
    case 'question.asked':
    case 'question.answered':
      return waiting(event, name);
    default:
      return null;
  }
}

function lifecycle(event: FleetEvent, word: string, name: string, data: Wire): Wire {
  return { event: word, type: word, name, agent_name: name, data, timestamp: event.at.toISOString() };
}

function startedData(event: FleetEvent, name: string): Wire {
  const result = CredentialsResultView.of((event.data['credentials'] ?? null) as CredentialsOutcome | null);
  const { status } = result;
  return { name, credentials_injection: status, credentials_result: result, trinity_injection: status };
}

function createdData(agent: AgentStatusView): Wire {
  const { name, type, status, port, created, resources, container_id } = agent;
  return { name, type, status, port, created, resources, container_id };
}

function activity(event: FleetEvent, name: string): Wire {
  const { activityId, activityType, activityState, details, error, at } = event.data;
  const type = activityTypeOf({ type: activityType } as Pick<Activity, 'type'>);
  return {
    type: 'agent_activity',
    agent_name: name,
    activity_id: activityId,
    activity_type: type,
    activity_state: activityState,
    action: activityState,
    timestamp: at ?? event.at.toISOString(),
    details: details ?? {},
    error: error ?? null,
  };
}

/** A turn that a schedule began, or a run that never became one; other turns have no words of this kind. */
function scheduleRun(event: FleetEvent, name: string): Wire | null {
  const { turnId, state, error, origin } = event.data;
  const schedule = (origin as TurnOrigin | undefined)?.schedule;
  if (!schedule) return null;
  const run = { agent: name, schedule_id: schedule.id, execution_id: turnId };
  const timestamp = event.at.toISOString();
  if (event.type === 'turn.started') {
    return { type: 'schedule_execution_started', ...run, schedule_name: schedule.name, timestamp };
  }
  const status = state === 'finished' ? 'success' : state === 'skipped' ? 'skipped' : 'failed';
  const why = typeof error === 'string' ? { error } : {};
  return { type: 'schedule_execution_completed', ...run, status, ...why, timestamp };
}

/** Beyond the document: an agent waits for a person, or does so no longer. What it asks is read at the console's routes. */
function waiting(event: FleetEvent, name: string): Wire {
  const { requestId, expiresAt } = event.data;
  return {
    type: event.type.replace('.', '_'),
    agent_name: name,
    request_id: requestId,
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
    timestamp: event.at.toISOString(),
  };
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
