import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../../test/support/until.js';
import { isLoopback, loopbackTargets, relayTarget } from './relay.js';
import { requestHandler } from './server.js';

describe('who is this machine', () => {
  it.each(['localhost', 'LOCALHOST', 'x.localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]', '0.0.0.0'])(
    '%s is',
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );
  it.each(['example.com', 'localhost.example.com', '10.0.0.1', '1127.0.0.1', '127.0.0.1.example.com', '::2', ''])(
    '%s is not',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
  it('relays to nobody else', () => {
    const urls = {
      openai: 'http://127.0.0.1:11434/v1',
      anthropic: 'https://api.anthropic.com',
      google: 'ftp://localhost',
    };
    expect(loopbackTargets(urls)).toEqual({ openai: 'http://127.0.0.1:11434/v1' });
  });
});

describe('where a relay path leads', () => {
  const targets = {
    openai: 'http://localhost:11434/v1',
    anthropic: 'http://127.0.0.1:9000',
    google: 'http://[::1]:7/',
  };

  it.each([
    ['/_relay/openai/v1/chat/completions', 'http://localhost:11434/v1/chat/completions'],
    ['/_relay/openai/v1', 'http://localhost:11434/v1'],
    ['/_relay/anthropic/v1/messages?beta=true', 'http://127.0.0.1:9000/v1/messages?beta=true'],
    ['/_relay/google/v1beta/models/a:generateContent', 'http://[::1]:7/v1beta/models/a:generateContent'],
  ])('%s', (path, url) => {
    expect(relayTarget(path, targets)?.href).toBe(url);
  });

  it.each([
    '/_relay/openai/api/delete',
    '/_relay/openai/v12/x',
    '/_relay/openai/v1/../api/delete',
    '/_relay/openai/v1/%2e%2e/api',
    '/_relay/openai/v1/..%2fapi',
    '/_relay/openai/v1/..\\api',
    '/_relay/openai/v1//evil.example/x',
    '/_relay/openai//evil.example/v1',
    '/_relay/openai@evil.example/v1',
    '/_relay/mistral/v1/models',
    '/_relay/constructor/v1',
    '/_relay/__proto__/v1',
    '/_relay//v1',
    '/_relay/http://evil.example/',
    'http://evil.example/_relay/openai/v1',
  ])('%s leads nowhere', (path) => {
    expect(relayTarget(path, targets)).toBeNull();
  });
});

describe('the relay over HTTP', () => {
  const seen: { headers: http.IncomingHttpHeaders; body: string; left: boolean }[] = [];
  const upstream = http.createServer((request, response) => void answer(request, response));
  const servers: http.Server[] = [upstream];
  let origin = '';
  let targets: Record<string, string> = {};

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const entry = { headers: request.headers, body: '', left: false };
    seen.push(entry);
    response.once('close', () => (entry.left = !response.writableFinished));
    if (request.url === '/v1/endless') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      return;
    }
    for await (const chunk of request) {
      entry.body += String(chunk);
      // Answers while the request still comes in: both ways at once.
      response.write(`got ${String(chunk)};`);
    }
    response.end('end');
  }

  async function listen(server: http.Server): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  beforeAll(async () => {
    targets = { openai: `${await listen(upstream)}/v1`, anthropic: 'http://127.0.0.1:1' };
    const relay = http.createServer(requestHandler({ targets, control: null, log: () => undefined }));
    servers.push(relay);
    origin = await listen(relay);
  });
  afterAll(() => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  });

  it('passes headers and bodies both ways, and drops what belongs to the connection', async () => {
    const headers = {
      authorization: 'Bearer k',
      'x-own': '1',
      te: 'trailers',
      'x-drop': 'me',
      connection: 'close, x-drop',
    };
    const url = `${origin}/_relay/openai/v1/chat/completions`;
    const text = await new Promise<string>((resolve, reject) => {
      const request = http.request(url, { method: 'POST', headers }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
          if (body === 'got one;') request.end('two');
        });
        response.on('end', () => {
          resolve(body);
        });
      });
      request.on('error', reject);
      request.write('one');
    });
    expect(text).toBe('got one;got two;end');
    expect(seen.at(-1)).toMatchObject({ body: 'onetwo', headers: { authorization: 'Bearer k', 'x-own': '1' } });
    expect(seen.at(-1)?.headers).not.toHaveProperty('te');
    expect(seen.at(-1)?.headers).not.toHaveProperty('x-drop');
    expect(seen.at(-1)?.headers.host).toBe(new URL(targets['openai'] ?? '').host);
  });

  it('keeps the length of a body that had one', async () => {
    await (await fetch(`${origin}/_relay/openai/v1/x`, { method: 'POST', body: 'four' })).text();
    expect(seen.at(-1)).toMatchObject({ body: 'four', headers: { 'content-length': '4' } });
  });

  it('ends the request to the server when the client leaves', async () => {
    const leave = new AbortController();
    const response = await fetch(`${origin}/_relay/openai/v1/endless`, { signal: leave.signal });
    await response.body?.getReader().read();
    leave.abort();
    await until('the server sees that the client left', () => seen.at(-1)?.left);
  });

  it('says which server does not answer', async () => {
    const response = await fetch(`${origin}/_relay/anthropic/v1/messages`, { method: 'POST', body: '{}' });
    expect([response.status, await response.text()]).toEqual([
      502,
      expect.stringContaining('http://127.0.0.1:1 does not answer'),
    ]);
  });
});
