import { type Role, type Row, strangersToAll, type Target } from './words.js';

// What an agent carries is a key of its own, not its owner's account: no profile, no keys, no new agents.
const noAccount = { agent_key: 403 } as const;
// Changed by its creator and the agent's owner; what an agent was talked into must not bend it.
const othersSchedule = { shared: 403, agent_key: 403 } as const;
const openRow = (ok: number): Row => ({ who: 'open', ok });
const nobody = { anonymous: 401, expired: 401, revoked: 401, suspended: 401, other_issuer: 401, other_api_key: 401 };

/** Contract, "who" columns of sections 2, 4, 5, 13 and 15. A route without a row fails the matrix, and so does a row without a route. */
export const trinityRows: Readonly<Record<string, Row>> = {
  // Section 1 and 2: sign-in
  'GET /health': openRow(200),
  'GET /health/ready': openRow(200),
  'GET /openapi.json': openRow(200),
  'POST /token': openRow(422), // no body
  'POST /api/token': openRow(422),
  'GET /api/auth/mode': openRow(200),
  'GET /api/auth/validate': { who: 'open', ok: 200, but: nobody },
  'POST /api/auth/logout': { who: 'user', ok: 200, but: noAccount },
  'POST /api/auth/email/request': openRow(200),
  'POST /api/auth/email/verify': openRow(401), // a wrong code
  'GET /api/settings/email-whitelist': { who: 'admin', ok: 200 },
  'POST /api/settings/email-whitelist': { who: 'admin', ok: 200 },
  'DELETE /api/settings/email-whitelist/{email}': { who: 'admin', ok: 404 }, // not on it
  'GET /api/setup/status': openRow(200),
  'POST /api/setup/admin-password': openRow(403), // completed
  'GET /api/users/me': { who: 'user', ok: 200, but: noAccount },
  'GET /api/users': { who: 'admin', ok: 200 },
  'PUT /api/users/{username}/role': { who: 'admin', ok: 200 },
  'PUT /api/users/me/email': { who: 'user', ok: 200, but: noAccount },
  'GET /api/settings/ops/config': { who: 'admin', ok: 200 },
  'PUT /api/settings/ops/config': { who: 'admin', ok: 200 },
  'GET /api/settings/{key}': { who: 'admin', ok: 200 },
  'PUT /api/settings/{key}': { who: 'admin', ok: 200 },
  'DELETE /api/settings/{key}': { who: 'admin', ok: 200 },
  'POST /api/mcp/keys': { who: 'user', ok: 200, but: noAccount },
  'GET /api/mcp/keys': { who: 'user', ok: 200, but: noAccount },
  'POST /api/mcp/keys/ensure-default': { who: 'user', ok: 200, but: noAccount },
  'GET /api/mcp/keys/{id}': { who: 'keeper', ok: 200 },
  'POST /api/mcp/keys/{id}/revoke': { who: 'keeper', ok: 200 },
  'DELETE /api/mcp/keys/{id}': { who: 'keeper', ok: 200 },
  // Answers for keys only; a login is no key.
  'POST /api/mcp/validate': {
    who: 'open',
    ok: 401,
    but: { narrow_key: 200, owner_key: 200, agent_key: 200 },
  },

  // Section 4: agents
  'GET /api/agents': { who: 'user', ok: 200 },
  'POST /api/agents': { who: 'user', ok: 200, but: noAccount },
  'GET /api/agents/{name}': { who: 'access', ok: 200 },
  'DELETE /api/agents/{name}': { who: 'owner', ok: 200 },
  'POST /api/agents/{name}/start': { who: 'access', ok: 200 },
  'POST /api/agents/{name}/stop': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/rename': { who: 'owner', ok: 200 },

  // Section 1.3: the system agent; there is none
  'GET /api/system-agent/status': { who: 'user', ok: 200 },

  // Section 5: information and files; the agent is stopped
  'GET /api/agents/{name}/info': { who: 'access', ok: 200 },
  'GET /api/agents/{name}/files': { who: 'access', ok: 400 },
  'GET /api/agents/{name}/files/download': { who: 'access', ok: 400 },
  'GET /api/agents/{name}/files/preview': { who: 'access', ok: 400 },
  'PUT /api/agents/{name}/files': { who: 'access', ok: 400 },
  'DELETE /api/agents/{name}/files': { who: 'access', ok: 400 },
  'POST /api/agents/{name}/files/mkdir': { who: 'access', ok: 400 },
  'GET /api/agents/{name}/logs': { who: 'access', ok: 200, narrow: true },
  'GET /api/agents/{name}/stats': { who: 'access', ok: 400 },

  // Section 6 and 9: limits, read-only mode and shared folders
  'GET /api/agents/{name}/resources': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/resources': { who: 'owner', ok: 200 },
  'GET /api/agents/{name}/read-only': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/read-only': { who: 'owner', ok: 200 },
  'GET /api/agents/{name}/folders': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/folders': { who: 'owner', ok: 200 },
  'GET /api/agents/{name}/folders/available': { who: 'access', ok: 200 },
  'GET /api/agents/{name}/folders/consumers': { who: 'access', ok: 200 },

  // Section 9: permissions between agents; the other one is unknown to everybody
  'GET /api/agents/{name}/permissions': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/permissions': { who: 'owner', ok: 200 },
  'POST /api/agents/{name}/permissions/{target}': { who: 'owner', ok: 400 },
  'DELETE /api/agents/{name}/permissions/{target}': { who: 'owner', ok: 200 },

  // Section 8: sharing; the own agent is shared with `shared`, the foreign one with somebody else
  'POST /api/agents/{name}/share': { who: 'owner', ok: 200 },
  'DELETE /api/agents/{name}/share/{email}': { who: 'owner', ok: 200 },
  'GET /api/agents/{name}/shares': { who: 'owner', ok: 200 },
  // Section 12: templates
  'GET /api/templates': { who: 'user', ok: 200 },
  'GET /api/templates/env-template': { who: 'user', ok: 200 },
  'GET /api/templates/{id}': { who: 'user', ok: 200 },
  'GET /api/templates/{owner}/{repository}': { who: 'user', ok: 404 },

  // Sections 10 and 11: fleet and tags
  'GET /api/agents/context-stats': { who: 'user', ok: 200 },
  'GET /api/agents/autonomy-status': { who: 'user', ok: 200 },
  'GET /api/tags': { who: 'user', ok: 200 },
  'GET /api/agents/{name}/tags': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/tags': { who: 'owner', ok: 200 },
  'POST /api/agents/{name}/tags/{tag}': { who: 'owner', ok: 200 },
  'DELETE /api/agents/{name}/tags/{tag}': { who: 'owner', ok: 200 },
  // Section 7: credentials; the agent is stopped
  'GET /api/agents/{name}/credentials/status': { who: 'access', ok: 200 },
  'POST /api/agents/{name}/credentials/inject': { who: 'owner', ok: 400 },
  'POST /api/agents/{name}/credentials/export': { who: 'owner', ok: 400 },
  'POST /api/agents/{name}/credentials/import': { who: 'owner', ok: 400 },
  'GET /api/agents/{name}/api-key-setting': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/api-key-setting': { who: 'owner', ok: 400 }, // no body
  'GET /api/credentials/encryption-key': { who: 'admin', ok: 200 },
  // Section 6: SSH; the agent is stopped
  'POST /api/agents/{name}/ssh-access': { who: 'owner', ok: 400 },

  // Section 13: chat and activity; the agent is stopped, the session is the owner's
  'POST /api/agents/{name}/chat': { who: 'access', ok: 503 },
  'GET /api/agents/{name}/chat/history': { who: 'access', ok: 503 },
  'DELETE /api/agents/{name}/chat/history': { who: 'owner', ok: 503 },
  'GET /api/agents/{name}/chat/session': { who: 'access', ok: 400 },
  'GET /api/agents/{name}/chat/history/persistent': { who: 'access', ok: 200 },
  'GET /api/agents/{name}/chat/sessions': { who: 'access', ok: 200 },
  'GET /api/agents/{name}/chat/sessions/{id}': { who: 'access', ok: 200, but: { shared: 403 } },
  'POST /api/agents/{name}/chat/sessions/{id}/close': { who: 'access', ok: 200, but: { shared: 403 } },
  'GET /api/agents/{name}/activity': { who: 'access', ok: 200 },
  'DELETE /api/agents/{name}/activity': { who: 'access', ok: 200 },
  'GET /api/agents/{name}/activity/{toolId}': { who: 'access', ok: 200 },
  'GET /api/agents/{name}/activities': { who: 'access', ok: 200 },
  'GET /api/agents/{name}/model': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/model': { who: 'access', ok: 400 },
  'POST /api/agents/{name}/task': { who: 'access', ok: 503 },
  'GET /api/agents/{name}/queue': { who: 'access', ok: 200 },
  'POST /api/agents/{name}/queue/clear': { who: 'owner', ok: 200 },
  'POST /api/agents/{name}/queue/release': { who: 'owner', ok: 200 },

  // Section 6 and 12: autonomy, time limits, schedules; the schedule is the owner's, the agent is stopped
  'GET /api/agents/{name}/autonomy': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/autonomy': { who: 'owner', ok: 200 },
  'GET /api/agents/{name}/timeout': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/timeout': { who: 'owner', ok: 200 },
  'GET /api/agents/scheduler/status': { who: 'admin', ok: 200 },
  'GET /api/agents/{name}/schedules': { who: 'access', ok: 200 },
  'POST /api/agents/{name}/schedules': { who: 'access', ok: 201 },
  'GET /api/agents/{name}/schedules/{id}': { who: 'access', ok: 200 },
  'PUT /api/agents/{name}/schedules/{id}': { who: 'access', ok: 200, but: othersSchedule },
  'DELETE /api/agents/{name}/schedules/{id}': { who: 'access', ok: 204, but: othersSchedule },
  'POST /api/agents/{name}/schedules/{id}/enable': { who: 'access', ok: 200, but: othersSchedule },
  'POST /api/agents/{name}/schedules/{id}/disable': { who: 'access', ok: 200, but: othersSchedule },
  'POST /api/agents/{name}/schedules/{id}/trigger': { who: 'access', ok: 503 },
  'GET /api/agents/{name}/schedules/{id}/executions': { who: 'access', ok: 200 },
  'GET /api/agents/{name}/executions': { who: 'access', ok: 200 },
  'GET /api/agents/{name}/executions/{id}': { who: 'access', ok: 200 },
  'GET /api/activities/timeline': { who: 'user', ok: 200 },

  // Section 15: a ticket for the socket
  'POST /api/ws/ticket': { who: 'user', ok: 200 },
};

/** Roles that a row of things lets in, on things of the own kind. */
const entitled: Readonly<Record<'access' | 'owner' | 'keeper', readonly Role[]>> = {
  access: ['shared', 'owner', 'owner_key', 'admin', 'agent_key'],
  owner: ['owner', 'owner_key', 'admin'],
  keeper: ['owner', 'owner_key'],
};

/** Section 1.1: 401, then the permission of the key, then existence (404), then access (403). */
export function expectedByTrinity(row: Row, role: Role, target: Target): number {
  const { who, ok, but, narrow = false } = row;
  if (who === 'open') return but?.[role] ?? ok;
  if (strangersToAll.includes(role) || role === 'other_api_key') return 401;
  if (role === 'narrow_key' && !narrow) return 403;
  if (who === 'user') return but?.[role] ?? ok;
  if (who === 'admin') return role === 'admin' ? ok : 403;
  // An agent's key has no account, so it keeps nothing of its own.
  if (who === 'keeper' && role === 'agent_key') return 403;
  if (target === 'unknown' || target === 'deleted') return 404;

  const caller = role === 'narrow_key' ? 'owner_key' : role;
  if (target === 'foreign') return who === 'keeper' ? 404 : caller === 'admin' ? ok : 403;
  if (!entitled[who].includes(caller)) return who === 'keeper' ? 404 : 403;
  return but?.[role] ?? ok;
}
