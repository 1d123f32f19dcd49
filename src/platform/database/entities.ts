import { ApiKey } from '../../core/accounts/api-key.entity.js';
import { EmailCode } from '../../core/accounts/email-code.entity.js';
import { WhitelistedEmail } from '../../core/accounts/email-whitelist.entity.js';
import { LoginFailure } from '../../core/accounts/login-failure.entity.js';
import { Membership } from '../../core/accounts/membership.entity.js';
import { Organisation } from '../../core/accounts/organisation.entity.js';
import { RevokedLogin } from '../../core/accounts/revoked-login.entity.js';
import { User } from '../../core/accounts/user.entity.js';
import { AgentFolders } from '../../core/agents/agent-folders.entity.js';
import { AgentGrant } from '../../core/agents/agent-grant.entity.js';
import { AgentSeed } from '../../core/agents/agent-seed.entity.js';
import { AgentShare } from '../../core/agents/agent-share.entity.js';
import { Agent } from '../../core/agents/agent.entity.js';
import { WriteRules } from '../../core/agents/write-rules.entity.js';
import { AuditEntry } from '../../core/audit/audit.entity.js';
import { ScheduleExecution } from '../../core/autonomy/schedule-execution.entity.js';
import { Schedule } from '../../core/autonomy/schedule.entity.js';
import { OutboxRow } from '../../core/events/outbox.entity.js';
import { GivenSecret } from '../../core/groups/given-secret.entity.js';
import { Group } from '../../core/groups/group.entity.js';
import { SecretRow } from '../../core/groups/secret.entity.js';
import { Instance } from '../../core/instances/instance.entity.js';
import { Job } from '../../core/jobs/job.entity.js';
import { Lease } from '../../core/leadership/lease.entity.js';
import { Generation } from '../../core/runtimes/generation.entity.js';
import { RuntimeLine } from '../../core/runtimes/runtime-line.entity.js';
import { Activity } from '../../core/sessions/activity.entity.js';
import { AgentRequest } from '../../core/sessions/agent-request.entity.js';
import { Opening } from '../../core/sessions/opening.entity.js';
import { SessionEvent } from '../../core/sessions/session-event.entity.js';
import { Session } from '../../core/sessions/session.entity.js';
import { Turn } from '../../core/sessions/turn.entity.js';
import { ShellRow } from '../../core/ssh/shell.entity.js';
import { SshCredential } from '../../core/ssh/ssh-credential.entity.js';
import { Setting } from '../../core/settings/setting.entity.js';

/** Every table the server uses. Listed by hand: a glob would find other files in src than in dist. */
export const entities = [
  User,
  Organisation,
  Membership,
  ApiKey,
  RevokedLogin,
  LoginFailure,
  WhitelistedEmail,
  EmailCode,
  OutboxRow,
  Job,
  Setting,
  AuditEntry,
  Lease,
  Group,
  SecretRow,
  Agent,
  AgentShare,
  AgentSeed,
  AgentGrant,
  AgentFolders,
  WriteRules,
  Instance,
  GivenSecret,
  Generation,
  RuntimeLine,
  Session,
  Turn,
  SessionEvent,
  AgentRequest,
  Activity,
  Opening,
  Schedule,
  ScheduleExecution,
  SshCredential,
  ShellRow,
];
