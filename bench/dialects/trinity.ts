import type { Body, ManagingDialect } from './dialect.js';

const agents = (rest: string): string => `/api/agents${rest}`;
const own = (rest: string): string => `/~console/agents${rest}`;

export const trinity: ManagingDialect = {
  name: 'trinity',
  async signIn(url, password) {
    const answer = await fetch(`${url}/token`, {
      method: 'POST',
      body: new URLSearchParams({ username: 'admin', password }),
    });
    const body = (await answer.json()) as { access_token?: string };
    if (!body.access_token) throw new Error(`sign-in answered ${answer.status}`);
    return body.access_token;
  },
  headers: (token) => ({ authorization: `Bearer ${token}` }),
  agentOf: ({ slug }) => slug,
  takesLogins: true,
  create: (name, runtime) => ({
    method: 'POST',
    path: agents(''),
    body: { name, runtime, resources: { cpu: '1', memory: '512m' }, custom_instructions: 'Be brief.' },
  }),
  isRunning: (body: Body, name) => body.name === name && body.status === 'running',
  read: (name) => ({ method: 'GET', path: agents(`/${name}`) }),
  isAgent: (body: Body, name) => body.name === name && typeof body.created === 'string' && body.can_delete === true,
  list: (tag) => ({ method: 'GET', path: agents(tag === undefined ? '' : `?tags=${tag}`) }),
  names: (body: Body) => (body as { name: string }[]).map(({ name }) => name),
  start: (name) => ({ method: 'POST', path: agents(`/${name}/start`) }),
  stop: (name) => ({ method: 'POST', path: agents(`/${name}/stop`) }),
  rename: (name, to) => ({ method: 'PUT', path: agents(`/${name}/rename`), body: { new_name: to } }),
  remove: (name) => ({ method: 'DELETE', path: agents(`/${name}`) }),
  limit: (name) => ({ method: 'PUT', path: agents(`/${name}/resources`), body: { memory: '1g', cpu: '2' } }),
  isLimited: (body: Body) => body.memory === '1g' && body.cpu === '2' && body.restart_needed === false,
  isStopped: (body: Body, name) => body.name === name && body.status === 'stopped',
  stats: (name) => ({ method: 'GET', path: agents(`/${name}/stats`) }),
  isStats: (body: Body) => typeof body.cpu_percent === 'number' && typeof body.memory_used_bytes === 'number',
  chat: (name, message) => ({ method: 'POST', path: agents(`/${name}/chat`), body: { message } }),
  isChat: (body: Body) => typeof body.response === 'string',
  answers: (name) => own(`/${name}/stream`),
  // The console's: it takes bytes, with the same sign-in.
  upload: (name, path, bytes) => ({
    method: 'PUT',
    path: own(`/${name}/files?path=${path}`),
    bytes: { type: 'application/octet-stream', parts: [bytes] },
  }),
  isUploaded: (body: Body, bytes) => body.size === bytes,
  download: (name, path) => ({ method: 'GET', path: agents(`/${name}/files/download?path=${path}`) }),
  tree: (name, path) => ({ method: 'GET', path: agents(`/${name}/files?path=${path}`) }),
  filesIn: (body: Body) => Number(body.total_files),
  events: {
    path: (token, lastSeen) => `/ws?token=${token}${lastSeen === undefined ? '' : `&last-event-id=${lastSeen}`}`,
    stored: { type: 'instance.progress', data: { reason: 'bench' } },
  },
  terminal: {
    path: (name) => agents(`/${name}/terminal?mode=bash`),
    hello: (token) => JSON.stringify({ type: 'auth', token }),
  },
  sshAccess: (name, publicKey) => ({
    method: 'POST',
    path: agents(`/${name}/ssh-access`),
    body: { public_key: publicKey, ttl_hours: 1 },
  }),
};
