import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Agents, their containers, their conversations. Deleting an agent takes everything of it along. */
export class CreateFleet1700000000003 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    for (const statement of tables) await db.query(statement);
    for (const statement of indexes) await db.query(statement);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(
      'drop table activities, agent_requests, session_events, turns, sessions, runtime_lines, generations, instances, agent_shares, agents',
    );
  }
}

const tables = [
  `create table agents (
    id text primary key, org_id text not null, owner_id text not null, slug text not null, display_name text not null,
    type text not null, runtime text not null, model text, template text, instructions text, github_repo text,
    cpu text not null, memory text not null, approvals text not null,
    autonomy boolean not null default false, read_only boolean not null default false,
    is_system boolean not null default false, timeout_seconds int not null default 3600,
    tags jsonb not null default '[]', always_allowed jsonb not null default '[]', revision int not null default 1,
    created_at timestamptz not null, updated_at timestamptz not null)`,
  `create table agent_shares (
    id serial primary key, agent_id text not null references agents (id) on delete cascade, email text not null,
    shared_by_id text not null, created_at timestamptz not null)`,
  `create table instances (
    id text primary key, agent_id text not null references agents (id) on delete cascade,
    desired text not null, state text not null, state_since timestamptz not null, reason text,
    ref text, container_name text, image text, boot text, started_at timestamptz, exit_code int,
    oom_killed boolean not null default false, failures int not null default 0, retry_at timestamptz,
    revision int not null default 0, created_at timestamptz not null)`,
  `create table generations (
    instance_id text not null references instances (id) on delete cascade, number int not null, state text not null,
    boot text not null, cursor bigint not null default 0, next_line int not null default 1, fingerprint text not null,
    agent_info jsonb, inner_port int not null default 0, end_reason text, created_at timestamptz not null,
    used_at timestamptz not null, ended_at timestamptz, primary key (instance_id, number))`,
  `create table runtime_lines (
    instance_id text not null references instances (id) on delete cascade, generation int not null, number int not null,
    line text not null, primary key (instance_id, generation, number))`,
  `create table sessions (
    id text primary key, agent_id text not null references agents (id) on delete cascade,
    instance_id text not null references instances (id) on delete cascade, user_id text not null,
    status text not null, title text, runtime_session_id text, live_generation int, attach_generation int,
    attach_step text, event_seq int not null default 0, message_count int not null default 0, model text,
    cost_usd double precision not null default 0, cost_mark double precision not null default 0, context_used int not null default 0,
    context_max int not null default 0, created_at timestamptz not null, last_message_at timestamptz)`,
  `create table turns (
    id text primary key, number bigserial not null, session_id text not null references sessions (id) on delete cascade,
    agent_id text not null, instance_id text not null, user_id text not null, source_agent_id text,
    idempotency_key text, prompt text not null, model text, state text not null, generation int,
    cancel_requested boolean not null default false, cancel_sent_at timestamptz, answer text, stop_reason text, error text,
    tool_count int not null default 0, input_tokens int not null default 0, output_tokens int not null default 0,
    cache_read_tokens int not null default 0, cache_write_tokens int not null default 0,
    cost_usd double precision not null default 0, created_at timestamptz not null, started_at timestamptz,
    ended_at timestamptz)`,
  `create table session_events (
    session_id text not null references sessions (id) on delete cascade, seq int not null, turn_id text,
    kind text not null, data jsonb not null, instance_id text not null, generation int, journal_offset bigint,
    part int not null default 0, at timestamptz not null, primary key (session_id, seq))`,
  `create table agent_requests (
    id text primary key, kind text not null, state text not null,
    agent_id text not null references agents (id) on delete cascade, session_id text not null, turn_id text,
    instance_id text not null, generation int not null, rpc_id text not null, payload jsonb not null, pattern text,
    answer jsonb, answered_by text, created_at timestamptz not null, expires_at timestamptz not null,
    answered_at timestamptz)`,
  `create table activities (
    id text primary key, agent_id text not null references agents (id) on delete cascade, turn_id text, parent_id text,
    type text not null, state text not null, user_id text, triggered_by text not null,
    details jsonb not null default '{}', error text, started_at timestamptz not null, ended_at timestamptz)`,
];

const indexes = [
  'create unique index agents_slug on agents (slug)',
  'create index agents_owner on agents (owner_id)',
  'create index agents_org on agents (org_id)',
  'create unique index agent_shares_agent_email on agent_shares (agent_id, email)',
  'create index agent_shares_email on agent_shares (email)',
  'create index instances_agent on instances (agent_id)',
  'create index sessions_agent on sessions (agent_id, created_at)',
  'create index sessions_instance on sessions (instance_id)',
  'create index turns_session on turns (session_id, number)',
  'create index turns_instance_state on turns (instance_id, state)',
  'create unique index turns_idempotency on turns (session_id, idempotency_key)',
  'create unique index turns_number on turns (number)',
  'create index session_events_turn on session_events (turn_id)',
  'create unique index session_events_origin on session_events (instance_id, generation, journal_offset, part)',
  'create unique index agent_requests_origin on agent_requests (instance_id, generation, rpc_id)',
  'create index agent_requests_state on agent_requests (state, created_at)',
  'create index agent_requests_turn on agent_requests (turn_id)',
  'create index activities_agent on activities (agent_id, started_at)',
  'create index activities_turn on activities (turn_id)',
];
