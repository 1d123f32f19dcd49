import { connect } from 'node:net';
import { type SampleApi, sampleApi } from '../../../test/support/sample-api.js';

const json = { 'content-type': 'application/json' };
const good = { authorization: 'Bearer good' };

describe('HTTP requests', () => {
  let api: SampleApi;
  const call: SampleApi['call'] = (...args) => api.call(...args);

  beforeAll(async () => {
    api = await sampleApi();
  });
  afterAll(() => api.close());

  /** What fetch would tidy up before sending. */
  const raw = (head: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1', () => socket.end(head));
      let text = '';
      socket.on('data', (part: Buffer) => (text += part.toString('utf8')));
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });

  describe('claims', () => {
    it('routes a documented path, and the same path under the explicit prefix', async () => {
      expect((await call('GET', '/alpha/things/1', good)).body).toEqual({ id: '1', who: 'ann' });
      expect((await call('GET', '/~alpha/alpha/things/1', good)).body).toEqual({ id: '1', who: 'ann' });
    });

    it('lets the prefix of the API key decide where two dialects print one path', async () => {
      const answer = await call('GET', '/alpha/things/1', { 'x-api-key': 'b_123' });
      expect(answer.body).toEqual({ beta: '1' });
    });

    it('claims whole path segments only', async () => {
      const answer = await call('GET', '/alphabet');
      expect([answer.status, answer.body]).toEqual([404, 'route not found: /alphabet\n']);
    });

    it.each([
      ['/%7Ealpha/alpha/things/1', 'alpha'],
      ['/%61lpha/things/1', 'alpha'],
      ['/~alpha/alpha/things/%zz', 'alpha'],
    ])('knows the dialect of %s', async (path, dialect) => {
      const text = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect(text).toContain(`"dialect":"${dialect}"`);
      expect(text.toLowerCase()).toContain('x-request-id:');
      expect(text.toLowerCase()).toContain('x-content-type-options: nosniff');
    });

    it('routes the absolute form of a request line', async () => {
      const text = await raw(
        `GET http://anything/alpha/things/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nConnection: close\r\n\r\n`,
      );
      expect(text).toContain('{"id":"1","who":"ann"}');
    });

    it('answers POST with the status of the dialect, or of the handler', async () => {
      expect((await call('POST', '/alpha/notes')).status).toBe(200);
      expect((await call('POST', '/beta')).status).toBe(201);
      expect((await call('POST', '/alpha/accepted')).status).toBe(202);
    });
  });

  describe('access', () => {
    it('tells a missing credential from a bad one', async () => {
      expect((await call('GET', '/alpha/things/1')).body).toMatchObject({ code: 'credential_missing' });
      const bad = await call('GET', '/alpha/things/1', { authorization: 'Bearer nonsense' });
      expect([bad.status, bad.body.code]).toEqual([401, 'credential_invalid']);
    });

    it('refuses a caller without the permission', async () => {
      const answer = await call('DELETE', '/alpha/things/1', { authorization: 'bearer reader' });
      expect([answer.status, answer.body.code]).toEqual([403, 'permission_missing']);
    });

    it('refuses everybody where nothing is declared', async () => {
      const answer = await call('GET', '/alpha/forgotten', good);
      expect([answer.status, answer.body.code]).toEqual([403, 'no_access_declared']);
    });
  });

  describe('bodies', () => {
    it.each([
      ['GET', '/alpha/things/1'],
      ['DELETE', '/alpha/things/1'],
      ['POST', '/alpha/notes'],
    ])('%s %s takes an empty body that calls itself JSON', async (method, path) => {
      expect((await call(method, path, { ...json, ...good })).status).toBe(200);
    });

    it('reports every field once, and never what was sent', async () => {
      const answer = await call('POST', '/alpha/things', { ...json, ...good }, '{"size":"hunter2","other":1}');
      expect(answer.body.issues).toEqual([
        { field: 'name', message: 'Field required', place: 'body', type: 'missing' },
        { field: 'size', message: 'size must be an integer number', place: 'body', type: 'int_type' },
      ]);
      expect(JSON.stringify(answer.body)).not.toContain('hunter2');
    });

    it('drops unknown fields', async () => {
      const answer = await call('POST', '/alpha/things', { ...json, ...good }, '{"name":"a","role":"admin"}');
      expect(answer.body).toEqual({ name: 'a' });
      expect((await call('GET', '/alpha/search?note=x&lines=10')).body).toEqual({ note: 'x' });
    });

    it('asks who is calling before it complains about the body', async () => {
      expect((await call('POST', '/alpha/things', json, '{broken')).status).toBe(401);
      const answer = await call('POST', '/alpha/things', { ...json, ...good }, '{broken');
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_json']);
    });

    it.each(['{"__proto__":{"name":"a"}}', '{"\\u005f_proto__":{"name":"a"}}'])('refuses %s', async (body) => {
      expect((await call('POST', '/alpha/notes', json, body)).body).toMatchObject({ code: 'invalid_json' });
    });

    it.each(['{"note":"a\\ud800"}', '{"note":"\\uDFFFb"}', '{"\\ud800":1,"note":"a"}'])(
      'refuses half of a surrogate pair in %s',
      async (body) => {
        expect((await call('POST', '/alpha/notes', json, body)).body).toMatchObject({ code: 'invalid_json' });
      },
    );

    it('takes a whole pair, however it is spelled', async () => {
      expect((await call('POST', '/alpha/notes', json, '{"note":"\\ud83d\\ude00"}')).body).toEqual({ note: '😀' });
      expect((await call('POST', '/alpha/notes', json, '{"note":"😀"}')).body).toEqual({ note: '😀' });
    });

    it.each(['[]', '"text"', '7', 'null'])('does not take %s for an object', async (body) => {
      expect((await call('POST', '/alpha/notes', json, body)).body).toMatchObject({ kind: 'invalid' });
    });

    it('survives a body nested tens of thousands of levels deep', async () => {
      const sent = `{"note":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
      expect((await call('POST', '/alpha/notes', json, sent)).body).toMatchObject({ kind: 'invalid' });
    });

    it('reads forms, and refuses types it does not know only where a body is asked for', async () => {
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      expect((await call('POST', '/alpha/notes', form, 'note=a+b')).body).toEqual({ note: 'a b' });
      expect((await call('POST', '/alpha/notes', { 'content-type': 'text/xml' }, '<a/>')).status).toBe(415);
      expect((await call('POST', '/alpha/accepted', { 'content-type': 'text/xml' }, '<a/>')).status).toBe(202);
    });

    it('refuses more than the dialect takes', async () => {
      const answer = await call('POST', '/alpha/notes', json, JSON.stringify({ note: 'x'.repeat(70_000) }));
      expect([answer.status, answer.body.dialect, answer.body.kind]).toEqual([413, 'alpha', 'request']);
    });
  });

  it('a connection on which nothing was asked does not hold a shutdown', async () => {
    const passing = await sampleApi();
    const socket = connect(Number(new URL(passing.url).port), '127.0.0.1');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('connect', resolve));
    await passing.close();
    await closed;
  });
});
