import { listenWith, sampleDialect } from '../../../test/support/http-app.js';
import { AlphaModule, left, type SampleApi, sampleApi } from '../../../test/support/sample-api.js';

const good = { authorization: 'Bearer good' };

describe('HTTP answers', () => {
  let api: SampleApi;
  const call: SampleApi['call'] = (...args) => api.call(...args);

  beforeAll(async () => {
    api = await sampleApi();
  });
  afterAll(() => api.close());

  describe('errors', () => {
    it('says which methods a path has', async () => {
      const answer = await call('PUT', '/alpha/things/1', good);
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, DELETE']);
    });

    it('keeps private details to itself', async () => {
      const answer = await call('GET', '/alpha/bug');
      expect([answer.status, answer.body.message]).toEqual([500, 'Internal server error']);
    });

    it('words what the engine said', async () => {
      const answer = await call('GET', '/alpha/engine');
      expect([answer.status, answer.body.code]).toEqual([503, 'engine_unreachable']);
      expect(answer.body.message).not.toContain('docker.sock');
    });

    it('refuses a path parameter without end', async () => {
      expect((await call('GET', `/alpha/things/${'x'.repeat(400)}`, good)).status).toBe(414);
    });

    it('shows the page to browsers, except where a dialect claims the path', async () => {
      const html = { accept: 'text/html,*/*' };
      expect((await call('GET', '/agents/alpha', html)).body).toBe('<title>Fleet</title>');
      expect((await call('GET', '/', html)).body).toBe('<title>Fleet</title>');
      expect((await call('GET', '/alpha/nothing', html)).body).toMatchObject({ code: 'route_not_found' });
      expect((await call('GET', '/agents/alpha')).status).toBe(404);
    });
  });

  describe('headers', () => {
    it('echoes a sane request id and replaces any other', async () => {
      const sane = await call('GET', '/alpha/nothing', { 'x-request-id': 'abc-123' });
      const odd = await call('GET', '/alpha/things/1', { 'x-request-id': 'a b"c' });
      expect(sane.headers.get('x-request-id')).toBe('abc-123');
      expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    });

    it('sends security headers with every answer', async () => {
      for (const path of ['/alpha/search', '/alpha/bug', '/nothing', '/docs/alpha.json']) {
        const { headers } = await call('GET', path);
        expect(headers.get('x-content-type-options')).toBe('nosniff');
        expect(headers.get('x-frame-options')).toBe('DENY');
        expect(headers.get('content-security-policy')).toContain("script-src 'self'");
      }
    });

    it('allows listed origins, and says nothing to others', async () => {
      const preflight = { 'access-control-request-method': 'GET' };
      const listed = await call('OPTIONS', '/alpha/search', { ...preflight, origin: 'https://app.example.com' });
      const other = await call('GET', '/alpha/search', { origin: 'https://evil.example.com' });
      expect(listed.status).toBe(204);
      expect(listed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
      expect(listed.headers.get('access-control-allow-credentials')).toBe('true');
      expect(listed.headers.get('x-request-id')).toBeTruthy();
      expect(other.headers.get('access-control-allow-origin')).toBeNull();
    });

    it('counts requests of a dialect with a limit', async () => {
      const answer = await call('POST', '/beta');
      expect(answer.headers.get('x-ratelimit-limit')).toBe('1000');
      expect(Number(answer.headers.get('x-ratelimit-remaining'))).toBeLessThan(1000);
      expect((await call('GET', '/alpha/search')).headers.get('x-ratelimit-limit')).toBeNull();
    });
  });

  describe('documents', () => {
    it('prints bare paths and both servers', async () => {
      const { body } = await call('GET', '/docs/alpha.json');
      expect(body.servers.map(({ url }: { url: string }) => url)).toEqual(['/', '/~alpha']);
      expect(Object.keys(body.paths)).toContain('/alpha/things/{id}');
      expect(body.paths['/alpha/search'].get.security).toEqual([]);
      expect(body.paths['/alpha/things'].post['x-permission']).toBe('agents:write');
    });

    it('serves the page', async () => {
      const page = await call('GET', '/docs');
      const script = await call('GET', '/docs/swagger-ui-init.js');
      expect([page.status, script.status]).toEqual([200, 200]);
      expect(script.body).toContain('/docs/beta.json');
    });
  });

  it('ends open streams when it stops', async () => {
    const own = await listenWith([sampleDialect('alpha', AlphaModule)]);
    const answer = await fetch(`${own.url}/alpha/stream`, { headers: { 'x-request-id': 'r-1' } });
    expect(answer.headers.get('x-request-id')).toBe('r-1');
    const text = answer.text();
    await own.close();

    expect(await text).toBe(': open\n\n');
    expect(left).toContain('stream');
  });
});
