import { hostname, tmpdir } from 'node:os';
import type { Raw } from './wire.js';

/** What tells about the inside of the server (S43). Its own folders of an agent, `/home/developer` and `/workspace`, may be named. */
const inside =
  /\bat [\w.<>]+ \(|\.(ts|js):\d+|node_modules|\/work\/|\/src\/|\/dist\/|\/(tmp|var|usr|opt|root|run|proc)\/|\/home\/(?!developer\b)\w|\bselect .+ from\b|insert into|QueryFailed|TypeORM|PGlite|postgres(ql)? \d|ECONN|EACCES|ENOENT|fastify\/|nest(js)?\/|node\/v?\d/i;

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
/**
 * What this host is called, in errors; and where a test's server keeps its data, in any answer. With the local engine the home
 * of an agent lies there, and what the agent says of its own files names it.
 */
const host = new RegExp(`(?<![\\w-])${literally(hostname())}(?![\\w-])`);
const dataFolder = new RegExp(`${literally(tmpdir())}/flotilla-[\\w-]+(?!/local/[\\w-]+/home|[\\w-])`);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isProblem = (value: unknown): boolean =>
  isObject(value) &&
  Array.isArray(value['loc']) &&
  typeof value['msg'] === 'string' &&
  typeof value['type'] === 'string';

const checks: Readonly<Record<string, (body: unknown, status: number) => boolean>> = {
  trinity: (body, status) => {
    if (!isObject(body)) return false;
    const { detail } = body;
    if (status === 422) return Array.isArray(detail) && detail.length > 0 && detail.every(isProblem);
    return (typeof detail === 'string' && detail !== '') || isObject(detail);
  },
  hostedagents: (body) => {
    if (!isObject(body)) return false;
    const { error, code } = body;
    return typeof error === 'string' && error !== '' && typeof code === 'string' && code !== '';
  },
  talk: (body) =>
    isObject(body) && typeof body['error'] === 'string' && body['error'] !== '' && typeof body['code'] === 'string',
  console: (body) => {
    if (!isObject(body) || !isObject(body['error'])) return false;
    const { code, message } = body['error'];
    return typeof code === 'string' && code !== '' && typeof message === 'string' && message !== '';
  },
};

/** What is wrong with an answer, if anything: the words of its dialect, and nothing about the inside of the server. */
export function faultOf(dialect: string, { status, headers, text }: Raw): string | null {
  if (!headers['x-request-id']) return 'no request id';
  if (headers['server'] !== undefined || headers['x-powered-by'] !== undefined) return 'names its software';
  if (headers['set-cookie'] !== undefined) return 'sets a cookie';
  const folder = dataFolder.exec(text)?.[0];
  if (folder !== undefined) return `names the folder of its data: ${folder}`;
  if (status < 400) return null;
  const found = (inside.exec(text) ?? host.exec(text))?.[0];
  if (found !== undefined) return `tells about the inside: ${found}`;
  const body = parsed(text);
  if (body === undefined) return `an error that is no JSON: ${text.slice(0, 80)}`;
  return checks[dialect]?.(body, status) ? null : `not the envelope of ${dialect}: ${text.slice(0, 120)}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
