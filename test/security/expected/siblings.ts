import { consoleRows, expectedByConsole } from './console.js';
import { expectedByHosted, hostedRows } from './hostedagents.js';
import { expectedByTalk, talkRows } from './talk.js';
import { expectedByTrinity, trinityRows } from './trinity.js';
import type { Role, Target } from './words.js';

export const dialects = {
  trinity: { rows: trinityRows, expected: expectedByTrinity },
  hostedagents: { rows: hostedRows, expected: expectedByHosted },
  console: { rows: consoleRows, expected: expectedByConsole },
  talk: { rows: talkRows, expected: expectedByTalk },
} as const;
export type Dialect = keyof typeof dialects;

/** Routes of one line do the same: whoever may use one of them may use all, as far as a dialect lets them in. */
export type Siblings = Readonly<Partial<Record<Dialect, readonly string[]>>>;

export const siblings: Readonly<Record<string, Siblings>> = {
  'make an agent': { trinity: ['POST /api/agents'], hostedagents: ['POST /api/v1/agents'] },
  'list agents': { trinity: ['GET /api/agents'], hostedagents: ['GET /api/v1/agents'], console: ['GET /fleet'] },
  'look at an agent': { trinity: ['GET /api/agents/{name}'], hostedagents: ['GET /api/v1/agents/{agentId}'] },
  'delete an agent': { trinity: ['DELETE /api/agents/{name}'], hostedagents: ['DELETE /api/v1/agents/{agentId}'] },
  'start an agent': {
    trinity: ['POST /api/agents/{name}/start'],
    hostedagents: ['POST /api/v1/agents/{agentId}/start', 'POST /api/v1/agents/{agentId}/restart'],
  },
  'stop an agent': {
    trinity: ['POST /api/agents/{name}/stop'],
    hostedagents: ['POST /api/v1/agents/{agentId}/stop'],
  },
  'rename an agent': {
    trinity: ['PUT /api/agents/{name}/rename'],
    hostedagents: ['PATCH /api/v1/agents/{agentId}'],
  },
  'change how an agent is run': {
    trinity: ['PUT /api/agents/{name}/autonomy', 'PUT /api/agents/{name}/timeout', 'PUT /api/agents/{name}/resources'],
    console: ['PUT /agents/{name}/settings'],
  },
  'say something to an agent': {
    trinity: ['POST /api/agents/{name}/chat', 'POST /api/agents/{name}/task'],
    hostedagents: ['POST /api/v1/agents/{agentId}/messages', 'POST /api/v1/agents/{agentId}/sessions'],
    console: ['POST /agents/{name}/messages'],
    talk: ['POST /s/{capability}/messages'],
  },
  'read what was said': {
    trinity: ['GET /api/agents/{name}/chat/history', 'GET /api/agents/{name}/chat/history/persistent'],
    hostedagents: ['GET /api/v1/agents/{agentId}/messages'],
    console: ['GET /agents/{name}/stream'],
    talk: ['GET /s/{capability}/messages', 'GET /s/{capability}/stream'],
  },
  'interrupt an agent': {
    hostedagents: ['POST /api/v1/agents/{agentId}/abort'],
    console: ['POST /turns/{id}/cancel'],
    talk: ['POST /s/{capability}/stop'],
  },
  'list conversations': {
    trinity: ['GET /api/agents/{name}/chat/sessions'],
    hostedagents: ['GET /api/v1/agents/{agentId}/sessions'],
    talk: ['GET /a/{capability}/state'],
  },
  'end a conversation': {
    trinity: ['POST /api/agents/{name}/chat/sessions/{id}/close'],
    hostedagents: ['DELETE /api/v1/agents/{agentId}/sessions/{sessionId}'],
  },
  'read what a runtime printed': {
    trinity: ['GET /api/agents/{name}/logs'],
    console: ['GET /agents/{name}/logs/stream'],
  },
  'list what waits for a person': {
    hostedagents: ['GET /api/v1/agents/{agentId}/permissions', 'GET /api/v1/agents/{agentId}/questions'],
    talk: ['GET /s/{capability}/state'],
  },
  'decide an approval': {
    hostedagents: [
      'POST /api/v1/agents/{agentId}/permissions/{permissionId}/reply',
      'POST /api/v1/agents/{agentId}/permissions/{permissionId}',
    ],
    console: ['POST /approvals/{id}/answer'],
    talk: ['POST /s/{capability}/approvals/{id}'],
  },
  'answer a question': {
    hostedagents: [
      'POST /api/v1/agents/{agentId}/questions/{questionId}/reply',
      'POST /api/v1/agents/{agentId}/questions/{questionId}',
      'POST /api/v1/agents/{agentId}/questions/{questionId}/reject',
    ],
    console: ['POST /questions/{id}/answer'],
    talk: ['POST /s/{capability}/questions/{id}'],
  },
  'list files': {
    trinity: ['GET /api/agents/{name}/files'],
    hostedagents: ['GET /api/v1/agents/{agentId}/files'],
  },
  'bring a file in': {
    trinity: ['PUT /api/agents/{name}/files', 'POST /api/agents/{name}/files/mkdir'],
    hostedagents: ['POST /api/v1/agents/{agentId}/files'],
    console: ['PUT /agents/{name}/files'],
    talk: ['POST /s/{capability}/files'],
  },
  'remove a file': {
    trinity: ['DELETE /api/agents/{name}/files'],
    hostedagents: ['DELETE /api/v1/agents/{agentId}/files/{name}'],
  },
  'let a key in over SSH, or out': {
    trinity: ['POST /api/agents/{name}/ssh-access'],
    console: ['GET /agents/{name}/ssh-credentials', 'DELETE /agents/{name}/ssh-credentials/{id}'],
  },
  'make a key of one’s own': {
    trinity: ['POST /api/mcp/keys', 'POST /api/mcp/keys/ensure-default'],
    hostedagents: ['POST /api/v1/tokens'],
  },
  'list keys of one’s own': { trinity: ['GET /api/mcp/keys'], hostedagents: ['GET /api/v1/tokens'] },
  'end a key of one’s own': {
    trinity: ['POST /api/mcp/keys/{id}/revoke', 'DELETE /api/mcp/keys/{id}'],
    hostedagents: ['DELETE /api/v1/tokens/{tokenId}'],
  },
};

/** Routes with one last word and one verb that do not do the same. */
export const namesakes: readonly (readonly [string, string, string])[] = [
  [
    'GET /api/agents/{name}/permissions',
    'GET /api/v1/agents/{agentId}/permissions',
    'whom an agent may call; what it asks to be allowed',
  ],
  ['GET /questions', 'GET /api/v1/agents/{agentId}/questions', 'of all agents; of one'],
  ['POST /api/agents/{name}/stop', 'POST /s/{capability}/stop', 'ends the agent; interrupts what it does'],
  ['GET /agents/{name}/logs/stream', 'GET /s/{capability}/stream', 'what its runtime prints; what is said'],
  ['POST /api/v1/agents/{agentId}/stop', 'POST /s/{capability}/stop', 'ends the agent; interrupts what it does'],
];

const keys: readonly Role[] = ['narrow_key', 'owner_key', 'agent_key', 'other_api_key'];

/**
 * Whom a dialect does not let in where another would: it may say no to them, and never more than the others. By the words of
 * its own document; null: everybody is asked alike.
 */
export const outside: Readonly<Record<Dialect, (role: Role, target: Target, route: string) => boolean>> = {
  trinity: () => false,
  // A token reaches its own organisation only: what is shared with somebody, and what an administrator may see, is elsewhere.
  hostedagents: (role, _target, route) =>
    route.includes('/tokens') ? keys.includes(role) : role === 'shared' || role === 'admin',
  // Pages of our own: people who signed in.
  console: (role) => keys.includes(role),
  // Their address is the right; nobody is asked who they are.
  talk: () => true,
};
