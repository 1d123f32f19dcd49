import type { BenchDialect, Body } from './dialect.js';

const agents = (rest: string): string => `/api/agents${rest}`;

export const trinity: BenchDialect = {
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
  stats: (name) => ({ method: 'GET', path: agents(`/${name}/stats`) }),
  isStats: (body: Body) => typeof body.cpu_percent === 'number' && typeof body.memory_used_bytes === 'number',
  chat: (name, message) => ({ method: 'POST', path: agents(`/${name}/chat`), body: { message } }),
  isChat: (body: Body) => typeof body.response === 'string',
  answers: (name) => `/~console/agents/${name}/stream`,
  events: (token, lastSeen) => `/ws?token=${token}${lastSeen === undefined ? '' : `&last-event-id=${lastSeen}`}`,
  terminal: {
    path: (name) => agents(`/${name}/terminal?mode=bash`),
    hello: (token) => JSON.stringify({ type: 'auth', token }),
  },
  sshAccess: (name, publicKey) => ({
    method: 'POST',
    path: agents(`/${name}/ssh-access`),
    body: { public_key: publicKey, ttl_hours: 1 },
  }),
  event: { type: 'instance.progress', data: { reason: 'bench' } },
};
