import { createHash, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { fieldsOf, textOf } from './conversation.js';
import { answerModel } from './demo.js';
import { readBody, sendJson } from './http.js';
import { relay, relayPrefix, relayTarget, type RelayTargets } from './relay.js';

/** What the control routes (`/_flotilla/*`) may do to the process. */
export interface Control {
  readonly token: string;
  readonly health: () => Readonly<Record<string, unknown>>;
  /** Listens on one more address; resolves with the port. */
  readonly listen: (host: string) => Promise<number>;
  readonly stop: () => void;
}

export interface ServerOptions {
  readonly targets: RelayTargets;
  readonly log: (line: string) => void;
  /** null: no control routes. */
  readonly control: Control | null;
}

/** Answers every request of the model process. Never throws: a failure becomes status 500. */
export function requestHandler(options: ServerOptions): http.RequestListener {
  return (request, response) => {
    const startedAt = performance.now();
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    let note = '';
    response.once('close', () => {
      const end = response.writableFinished ? String(response.statusCode) : 'client left';
      const ms = Math.round(performance.now() - startedAt);
      options.log(`${request.method ?? ''} ${path.slice(0, 200)} ${end} ${ms} ms ${note}`.trimEnd());
    });
    // The query is left out of the log: Gemini clients may put their key there.
    handle(request, response, path, options, (text) => {
      note = text;
    }).catch((error: unknown) => {
      note = `failed: ${error instanceof Error ? error.message : 'unknown'}`;
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { error: { message: 'The model process failed', type: 'server_error' } });
    });
  };
}

async function handle(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  path: string,
  options: ServerOptions,
  note: (text: string) => void,
): Promise<void> {
  // Runtimes are no browsers: a web page that found this port has no business here.
  if (request.headers.origin !== undefined) {
    sendJson(response, 403, { error: { message: 'Not for web pages', type: 'forbidden' } });
    return;
  }
  if (path.startsWith('/_flotilla/')) return controlRoute(request, response, path, options.control);
  if (path.startsWith(relayPrefix)) {
    const target = relayTarget(request.url ?? '', options.targets);
    if (target) return relay(request, response, target);
  } else if (await answerModel(request, response, path, note)) return;
  sendJson(response, 404, { error: { message: `Nothing here: ${path.slice(0, 200)}`, type: 'not_found_error' } });
}

async function controlRoute(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  path: string,
  control: Control | null,
): Promise<void> {
  if (!control || !isAllowed(request, control.token)) {
    sendJson(response, 401, { error: 'Wrong token' });
    return;
  }
  const route = `${request.method ?? ''} ${path}`;
  if (route === 'GET /_flotilla/health') {
    sendJson(response, 200, control.health());
    return;
  }
  if (route === 'POST /_flotilla/stop') {
    sendJson(response, 202, { stopping: true });
    control.stop();
    return;
  }
  if (route !== 'POST /_flotilla/listen') {
    sendJson(response, 404, { error: 'Nothing here' });
    return;
  }
  const host = hostIn(await readBody(request));
  if (host === '') {
    sendJson(response, 400, { error: 'A JSON object with "host" is needed' });
    return;
  }
  try {
    sendJson(response, 200, { host, port: await control.listen(host) });
    return;
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown reason';
    sendJson(response, 409, { error: `Cannot listen on ${host}: ${reason}` });
    return;
  }
}

function hostIn(body: string): string {
  try {
    return textOf(fieldsOf(JSON.parse(body))['host']);
  } catch {
    return '';
  }
}

function isAllowed(request: http.IncomingMessage, token: string): boolean {
  const sent = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(sent), digest(token));
}
