import { publicIdOf } from '../../src/dialects/hostedagents/words.js';
import type { BenchDialect, Body } from './dialect.js';
import { trinity } from './trinity.js';

const agents = (rest: string): string => `/api/v1/agents${rest}`;
const boundary = 'flotilla-bench-boundary';

export const hostedagents: BenchDialect = {
  name: 'hostedagents',
  async signIn(url, password) {
    const login = await trinity.signIn(url, password);
    const answer = await fetch(`${url}/api/v1/tokens`, {
      method: 'POST',
      headers: { ...trinity.headers(login), 'content-type': 'application/json' },
      body: JSON.stringify({ label: 'bench' }),
    });
    const { token } = (await answer.json()) as { token?: string };
    if (!token) throw new Error(`making a token answered ${answer.status}`);
    return token;
  },
  headers: trinity.headers,
  agentOf: ({ id }) => publicIdOf(id),
  takesLogins: false,
  read: (agent) => ({ method: 'GET', path: agents(`/${agent}`) }),
  isAgent: (body: Body, name) => body.name === name && typeof body.agentId === 'string' && body.busy === false,
  page: 100,
  list: () => ({ method: 'GET', path: agents('?limit=100') }),
  names: (body: Body) => (body.agents as { name: string }[]).map(({ name }) => name),
  upload: (agent, name, bytes) => ({
    method: 'POST',
    path: agents(`/${agent}/files`),
    bytes: {
      type: `multipart/form-data; boundary=${boundary}`,
      parts: [
        Buffer.from(
          `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n` +
            'content-type: application/octet-stream\r\n\r\n',
        ),
        bytes,
        Buffer.from(`\r\n--${boundary}--\r\n`),
      ],
    },
  }),
  isUploaded: (body: Body, bytes) => body.uploaded === true && body.file.size === bytes,
  restart: {
    call: (agent) => ({ method: 'POST', path: agents(`/${agent}/restart`), body: {} }),
    isDone: (body: Body) => body.status === 'RUNNING' && body.restarted === true,
  },
};
