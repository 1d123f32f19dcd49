import { type Role, type Row, strangersToAll, type Target } from './words.js';

interface HostedRow extends Row {
  /** Called by people who signed in, never with a token. */
  readonly login?: true;
}

/**
 * People come with a token they made, which reaches their own organisation only: so an administrator and somebody an agent
 * is shared with know nothing of the owner's. The colleague has a token for the owner's organisation.
 */
export const hostedRows: Readonly<Record<string, HostedRow>> = {
  'POST /api/v1/tokens': { who: 'user', ok: 201, login: true },
  'GET /api/v1/tokens': { who: 'user', ok: 200, login: true },
  'DELETE /api/v1/tokens/{tokenId}': { who: 'keeper', ok: 200, login: true },
  'GET /api/v1/models': { who: 'user', ok: 200 },
  'GET /api/v1/agents': { who: 'user', ok: 200 },
  'POST /api/v1/agents': { who: 'user', ok: 200, but: { agent_key: 403 } },
  'GET /api/v1/agents/{agentId}': { who: 'access', ok: 200 },
  'PATCH /api/v1/agents/{agentId}': { who: 'owner', ok: 200 },
  'DELETE /api/v1/agents/{agentId}': { who: 'owner', ok: 200 },
  'POST /api/v1/agents/{agentId}/start': { who: 'access', ok: 200 },
  'POST /api/v1/agents/{agentId}/stop': { who: 'access', ok: 200 },
  'POST /api/v1/agents/{agentId}/restart': { who: 'access', ok: 200 },
  // Scopes and secrets belong to the organisation: its members have them, an agent's own key does not.
  'GET /api/v1/scopes': { who: 'user', ok: 200, but: { agent_key: 403 } },
  'POST /api/v1/scopes': { who: 'user', ok: 200, but: { agent_key: 403 } },
  'GET /api/v1/scopes/{scopeId}': { who: 'access', ok: 200, but: { agent_key: 403, colleague: 200 } },
  'PATCH /api/v1/scopes/{scopeId}': { who: 'access', ok: 200, but: { agent_key: 403, colleague: 200 } },
  'DELETE /api/v1/scopes/{scopeId}': { who: 'access', ok: 200, but: { agent_key: 403, colleague: 200 } },
  'GET /api/v1/secrets': { who: 'user', ok: 200, but: { agent_key: 403 } },
  'PUT /api/v1/secrets': { who: 'user', ok: 200, but: { agent_key: 403 } },
  // No organisation has a secret of that key.
  'DELETE /api/v1/secrets/{key}': { who: 'user', ok: 404, but: { agent_key: 403 } },
  'GET /api/v1/scopes/{scopeId}/secrets': { who: 'access', ok: 200, but: { agent_key: 403, colleague: 200 } },
  'PUT /api/v1/scopes/{scopeId}/secrets': { who: 'access', ok: 200, but: { agent_key: 403, colleague: 200 } },
  'DELETE /api/v1/scopes/{scopeId}/secrets/{key}': { who: 'access', ok: 200, but: { agent_key: 403, colleague: 200 } },
  'GET /api/v1/agents/{agentId}/sessions': { who: 'access', ok: 200 },
  'POST /api/v1/agents/{agentId}/sessions': { who: 'access', ok: 400 },
  'DELETE /api/v1/agents/{agentId}/sessions/{sessionId}': { who: 'access', ok: 200 },
  'POST /api/v1/agents/{agentId}/messages': { who: 'access', ok: 400 },
  'GET /api/v1/agents/{agentId}/messages': { who: 'access', ok: 200 },
  'POST /api/v1/agents/{agentId}/abort': { who: 'access', ok: 400 },
  'GET /api/v1/agents/{agentId}/usage': { who: 'access', ok: 400 },
  'GET /api/v1/agents/{agentId}/permissions': { who: 'access', ok: 400 },
  'POST /api/v1/agents/{agentId}/permissions/{permissionId}/reply': { who: 'access', ok: 400 },
  'POST /api/v1/agents/{agentId}/permissions/{permissionId}': { who: 'access', ok: 400 },
  'GET /api/v1/agents/{agentId}/questions': { who: 'access', ok: 400 },
  'POST /api/v1/agents/{agentId}/questions/{questionId}/reply': { who: 'access', ok: 400 },
  'POST /api/v1/agents/{agentId}/questions/{questionId}': { who: 'access', ok: 400 },
  'POST /api/v1/agents/{agentId}/questions/{questionId}/reject': { who: 'access', ok: 400 },
  'POST /api/v1/agents/{agentId}/files': { who: 'access', ok: 400 },
  'GET /api/v1/agents/{agentId}/files': { who: 'access', ok: 400 },
  'DELETE /api/v1/agents/{agentId}/files/{name}': { who: 'access', ok: 400 },
};

const ours: readonly Role[] = ['narrow_key', 'owner_key', 'agent_key'];

export function expectedByHosted(row: HostedRow, role: Role, target: Target): number {
  if (strangersToAll.includes(role) || role === 'other_api_key') return 401;
  if (row.login) {
    if (ours.includes(role)) return 403;
    return row.who === 'user' || (role === 'owner' && target === 'own') ? row.ok : 404;
  }
  if (role === 'narrow_key') return 403;
  const special = target === 'own' ? row.but?.[role] : undefined;
  if (special !== undefined) return special;
  if (row.who === 'user') return row.ok;
  if (target !== 'own') return 404;
  if (role === 'owner' || role === 'owner_key') return row.ok;
  // What is not one's own is not there, also where it may be seen.
  if (role === 'agent_key') return row.who === 'owner' ? 404 : row.ok;
  return 404;
}
