import { type Role, type Row, strangersToAll, type Target } from './words.js';

/** Our own routes: people only, no keys; what somebody may not see does not exist for them. */
export const consoleRows: Readonly<Record<string, Row>> = {
  'GET /approvals': { who: 'user', ok: 200 },
  'GET /approvals/{id}': { who: 'access', ok: 200 },
  'POST /approvals/{id}/answer': { who: 'access', ok: 409 }, // its runtime is gone, so nobody waits for the answer
  'GET /questions': { who: 'user', ok: 200 },
  'GET /questions/{id}': { who: 'access', ok: 200 },
  'POST /questions/{id}/answer': { who: 'access', ok: 409 },
  'GET /agents/{name}/settings': { who: 'access', ok: 200 },
  'PUT /agents/{name}/settings': { who: 'owner', ok: 200 },
  'GET /fleet': { who: 'user', ok: 200 },
  'GET /agents/{name}/stream': { who: 'access', ok: 200 },
  'GET /agents/{name}/logs/stream': { who: 'access', ok: 200 },
  'PUT /agents/{name}/files': { who: 'access', ok: 400 }, // it does not run
  'POST /agents/{name}/messages': { who: 'access', ok: 503 },
  'POST /turns/{id}/cancel': { who: 'access', ok: 200 },
  'GET /agents/{name}/ssh-credentials': { who: 'owner', ok: 200 },
  'DELETE /agents/{name}/ssh-credentials/{id}': { who: 'owner', ok: 200 },
};

const keys: readonly Role[] = ['other_api_key', 'narrow_key', 'owner_key', 'agent_key'];

export function expectedByConsole({ who, ok }: Row, role: Role, target: Target): number {
  if (strangersToAll.includes(role) || keys.includes(role)) return 401;
  if (who === 'user') return ok;
  if (target === 'unknown' || target === 'deleted') return 404;
  if (role === 'admin') return ok;
  if (target === 'foreign') return 404;
  if (role === 'owner') return ok;
  if (role === 'shared') return who === 'access' ? ok : 403;
  return 404;
}
