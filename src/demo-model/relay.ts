import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { goneSignal, sendJson } from './http.js';

/** Provider names and the base URLs to which their requests are forwarded. */
export type RelayTargets = Readonly<Record<string, string>>;

export const relayPrefix = '/_relay/';

/** Belongs to one connection, not to the request: never passed on. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** True for this machine's own names and addresses. */
export function isLoopback(hostname: string): boolean {
  const host = hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return host === '::1' || host === '::' || host === '0.0.0.0' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The base URLs among these that point at this machine: the only ones that are relayed. */
export function loopbackTargets(baseUrls: RelayTargets): RelayTargets {
  return Object.fromEntries(Object.entries(baseUrls).filter(([, url]) => isLoopbackUrl(url)));
}

function isLoopbackUrl(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && isLoopback(parsed.hostname);
}

/**
 * Where a relay path leads: `/_relay/openai/v1/models` to `/v1/models` of that provider's server, provided that
 * its base URL covers the path. null for everything else.
 */
export function relayTarget(url: string, targets: RelayTargets): URL | null {
  const [, provider = '', rest = '', query = ''] = /^\/_relay\/([a-z]+)(\/[^?#]*)?(\?[^#]*)?$/.exec(url) ?? [];
  const base = Object.hasOwn(targets, provider) ? URL.parse(targets[provider] ?? '') : null;
  if (!base) return null;
  // A server may read these as "one folder up", and so leave what was configured.
  if (/%(2e|2f|5c|00)|\\|(^|\/)\.{1,2}(\/|$)|\/\//i.test(rest)) return null;
  const covered = base.pathname.replace(/\/+$/, '');
  if (rest !== covered && !rest.startsWith(`${covered}/`)) return null;
  return URL.parse(`${base.origin}${rest}${query}`);
}

/** Forwards a request and its answer, both as streams, with all headers but those of the connection. */
export async function relay(request: http.IncomingMessage, response: http.ServerResponse, target: URL): Promise<void> {
  const gone = goneSignal(response);
  const send = target.protocol === 'https:' ? https.request : http.request;
  const options = { method: request.method, headers: passedOn(request, target.host), signal: gone, agent: false };
  const forwarded = send(target, options);
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    forwarded.once('response', resolve);
    forwarded.once('error', reject);
  });
  // A server may answer before it has read everything: its answer counts, not the broken upload.
  pipeline(request, forwarded).catch(() => undefined);
  try {
    const answer = await answered;
    forwarded.on('error', () => undefined);
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer.rawHeaders, answer.headers.connection));
    await pipeline(answer, response);
  } catch {
    if (response.headersSent) response.destroy();
    else if (!gone.aborted) sendJson(response, 502, { error: { message: unreachable(target), type: 'relay_error' } });
  }
}

function unreachable(target: URL): string {
  return `The model server at ${target.origin} does not answer`;
}

function passedOn(request: http.IncomingMessage, host: string): string[] {
  const kept = endToEnd(request.rawHeaders, request.headers.connection);
  const headers = kept.flatMap((value, index) =>
    index % 2 === 0 && value.toLowerCase() !== 'host' ? [value, kept[index + 1] ?? ''] : [],
  );
  // Without a length the body is chunked anew by the client, as it was when it came.
  const chunked = request.headers['transfer-encoding'] !== undefined ? ['transfer-encoding', 'chunked'] : [];
  return ['host', host, ...headers, ...chunked];
}

/** Raw headers (name, value, name, ...) without those of the connection, as strings in pairs. */
function endToEnd(raw: readonly string[], connection: string | undefined): string[] {
  const dropped = new Set([...hopByHop, ...(connection ?? '').toLowerCase().split(/\s*,\s*/)]);
  return raw.flatMap((value, index) =>
    index % 2 === 0 && !dropped.has(value.toLowerCase()) ? [value, raw[index + 1] ?? ''] : [],
  );
}
