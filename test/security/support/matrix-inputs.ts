import { randomUUID } from 'node:crypto';
import { addressOf } from './cast.js';
import { scopeBodies } from './things.js';

const password = { password: 'another-good-one', confirm_password: 'another-good-one' };

/** Good bodies, so that only the caller decides the answer. */
export const bodies: Readonly<Record<string, () => object>> = {
  'POST /api/setup/admin-password': () => password,
  'PUT /api/users/{username}/role': () => ({ role: 'user' }),
  'PUT /api/users/me/email': () => ({ email: addressOf(`matrix-${randomUUID()}`) }),
  'PUT /api/settings/ops/config': () => ({ settings: {} }),
  'PUT /api/settings/{key}': () => ({ value: 'kept' }),
  'POST /api/mcp/keys': () => ({ name: 'made by the matrix' }),
  'POST /api/v1/agents': () => ({ name: `matrix-made-${randomUUID().slice(0, 8)}` }),
  'PATCH /api/v1/agents/{agentId}': () => ({ name: 'renamed' }),
  'POST /api/v1/tokens': () => ({ label: 'made by the matrix' }),
  ...scopeBodies,
  'POST /api/agents': () => ({ name: `matrix-made-${randomUUID().slice(0, 8)}` }),
  'PUT /api/agents/{name}/rename': () => ({ new_name: `matrix-renamed-${randomUUID().slice(0, 8)}` }),
  'POST /api/agents/{name}/share': () => ({ email: addressOf(`matrix-${randomUUID()}`) }),
  'PUT /api/agents/{name}/tags': () => ({ tags: ['prod'] }),
  'PUT /api/agents/{name}/files': () => ({ content: 'text' }),
  'POST /api/agents/{name}/files/mkdir': () => ({ path: 'made' }),
  'POST /api/auth/email/request': () => ({ email: addressOf('nobody') }),
  'POST /api/auth/email/verify': () => ({ email: addressOf(`matrix-${randomUUID()}`), code: '000000' }),
  'POST /api/settings/email-whitelist': () => ({ email: addressOf(`matrix-${randomUUID()}`) }),
  'POST /api/agents/{name}/chat': () => ({ message: 'hello' }),
  'PUT /api/agents/{name}/read-only': () => ({ enabled: false }),
  'PUT /api/agents/{name}/permissions': () => ({ permitted_agents: [] }),
  'POST /api/agents/{name}/task': () => ({ message: 'hello' }),
  'PUT /api/agents/{name}/model': () => ({ model: 'scripted-1' }),
  'PUT /api/agents/{name}/autonomy': () => ({ enabled: true }),
  'PUT /api/agents/{name}/timeout': () => ({ execution_timeout_seconds: 600 }),
  'POST /api/agents/{name}/schedules': () => ({ name: 'made', cron_expression: '0 9 * * *', message: 'hello' }),
  'PUT /api/agents/{name}/schedules/{id}': () => ({ name: 'renamed' }),
  'POST /api/agents/{name}/ssh-access': () => ({ generate_key: true }),
  'POST /approvals/{id}/answer': () => ({ decision: 'reject' }),
  'POST /questions/{id}/answer': () => ({}),
  'PUT /agents/{name}/settings': () => ({ approvals: 'auto' }),
  'POST /agents/{name}/messages': () => ({ message: 'hello' }),
  'POST /s/{capability}/messages': () => ({ message: 'hello' }),
  'POST /s/{capability}/approvals/{id}': () => ({ decision: 'reject' }),
  'POST /s/{capability}/questions/{id}': () => ({}),
};
/** What is asked with a query. */
export const queries: Readonly<Record<string, string>> = {
  'GET /api/agents/{name}/files/download': '?path=a.txt',
  'GET /api/agents/{name}/files/preview': '?path=a.txt',
  'PUT /api/agents/{name}/files': '?path=a.txt',
  'DELETE /api/agents/{name}/files': '?path=a.txt',
  'PUT /agents/{name}/files': '?path=a.bin',
  'GET /api/templates/env-template': '?template_id=local:default',
  // Streams end after what there is.
  'GET /agents/{name}/stream': '?follow=false',
  'GET /agents/{name}/logs/stream': '?follow=false',
  'GET /s/{capability}/stream': '?follow=false',
};
