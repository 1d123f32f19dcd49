import { connect, type Socket } from 'node:net';
import { rmSync, statSync, mkdtempSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/environment.js';
import { renamedSlugOf, resourcesOf, slugOf } from '../../src/core/agents/agent.rules.js';
import { normalizeEmail } from '../../src/core/accounts/account.rules.js';
import { homePathOf, isPrivate } from '../../src/core/instances/file.rules.js';
import { dialectsFor } from '../../src/dialects/index.js';
import { boot, type Flotilla } from '../support/boot.js';
import { until } from '../support/until.js';
import { operationsOf } from './support/operations.js';
import { Wire } from './support/wire.js';
import { bodyTime } from '../../src/platform/http/body-time.js';

describe('S41: what a server does that nobody set up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-defaults-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const dataDir = join(folder, 'data');

  it('listens on loopback, lets no page in, says no more than it must', () => {
    const config = loadConfig({ FLOTILLA_DATA_DIR: dataDir });
    expect(config).toMatchObject({
      host: '127.0.0.1',
      corsOrigins: [],
      logLevel: 'info',
      adminPassword: null,
      allowLocalEngine: false,
      trinity: { wsAnonymous: false },
    });
    expect(config.masterKey.reveal()).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(join(dataDir, 'master.key')).mode & 0o777).toBe(0o600);
    expect(statSync(dataDir).mode & 0o077).toBe(0);
  });

  it('makes every key anew', () => {
    const other = loadConfig({ FLOTILLA_DATA_DIR: join(folder, 'other') });
    expect(other.masterKey.reveal()).not.toBe(loadConfig({ FLOTILLA_DATA_DIR: dataDir }).masterKey.reveal());
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.com', '127.0.0.1.example.com', '1270.0.0.1'])(
    'does not listen on %s without a password of its own',
    (host) => {
      expect(() => loadConfig({ FLOTILLA_DATA_DIR: dataDir, FLOTILLA_HOST: host })).toThrow('FLOTILLA_ADMIN_PASSWORD');
    },
  );

  it.each(['*', 'https://*.example.com', 'null', 'https://example.com/path'])('takes no origin %s', (origin) => {
    expect(() => loadConfig({ FLOTILLA_DATA_DIR: dataDir, FLOTILLA_CORS_ORIGINS: origin })).toThrow(
      'FLOTILLA_CORS_ORIGINS',
    );
  });
});

describe('the surface', () => {
  let flotilla: Flotilla;
  let wire: Wire;
  beforeAll(async () => {
    flotilla = await boot();
    wire = new Wire(flotilla.url);
  });
  afterAll(async () => {
    wire.close();
    await flotilla.close();
  });

  describe('S42: the inventory', () => {
    it('every route of the router is in a document, with what it asks for; the rest is the page and the documents', () => {
      const router = flotilla.app.getHttpAdapter().getInstance() as { printRoutes(how: object): string };
      const found = routesIn(router.printRoutes({ commonPrefix: false }));
      const described = dialectsFor(flotilla.config).flatMap(({ name }) =>
        operationsOf(flotilla, name).map(
          ({ method, path }) => `${method} /~${name}${path.replace(/\{(\w+)\}/g, ':$1')}`,
        ),
      );
      const own = found
        .filter((route) => !/^(HEAD|OPTIONS) /.test(route))
        .map((route) => described.find((one) => isVariantOf(one, route)) ?? route);
      const unknown = own.filter((route) => !described.includes(route));
      expect(
        unknown.filter(
          (route) => !/^GET \/(docs(\*|\/.*)?|[\w/-]*\.(html|js|css|svg|png|ico)|assets\/.*|\*)?$/.test(route),
        ),
      ).toEqual([]);
      expect(own.filter((route) => described.includes(route)).length).toBe(described.length);
    });

    it('every operation says which permission it needs', () => {
      for (const { name } of dialectsFor(flotilla.config)) {
        for (const operation of operationsOf(flotilla, name)) {
          expect({ name: operation.name, permission: operation.permission }).toEqual({
            name: operation.name,
            permission: expect.stringMatching(/^(public|account|admin|[a-z]+:[a-z]+)$/) as string,
          });
        }
      }
    });

    /** On a connection of its own: what the server takes for no HTTP at all ends it. */
    const status = async (method: string, path: string): Promise<number> => {
      const own = new Wire(flotilla.url);
      return (await own.send({ method, path }).finally(() => own.close())).status;
    };

    it('answers to no other method, and to no debugging aid', async () => {
      for (const method of ['TRACE', 'CONNECT', 'PROPFIND', 'FOO']) {
        expect([400, 404, 405, 501]).toContain(await status(method, '/api/agents').catch(() => 400)); // or cut off
      }
      for (const path of [
        '/.env',
        '/.git/config',
        '/metrics',
        '/debug',
        '/admin',
        '/server-status',
        '/graphql',
        '/package.json',
        '/../package.json',
        '/%2e%2e/package.json',
        '/..%2fpackage.json',
        '/src/main.ts',
        '/data/master.key',
      ]) {
        expect({ path, status: await status('GET', path) }).toEqual({
          path,
          status: 404,
        });
      }
    });
  });

  describe('S44: wearing it down', () => {
    const server = (): Server => flotilla.app.getHttpServer();

    it('time limits for head and body are set', () => {
      expect(server().headersTimeout).toBeGreaterThan(0);
      expect(server().headersTimeout).toBeLessThanOrEqual(60_000);
      // What they do is shown in src/platform/http/body-time.spec.ts.
      expect(bodyTime.lookMs * bodyTime.looks).toBeLessThanOrEqual(120_000);
      expect([bodyTime.lookMs <= 30_000, bodyTime.least > 0]).toEqual([true, true]);
    });

    it('hundreds of clients that never finish their request hold nobody up', async () => {
      const { port } = new URL(flotilla.url);
      const open = (text: string): Promise<Socket> =>
        new Promise((resolve, reject) => {
          const socket = connect(Number(port), '127.0.0.1', () => socket.write(text, () => resolve(socket)));
          socket.on('error', reject);
        });
      const head = 'POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
      const slow: Socket[] = [];
      for (let i = 0; i < 300; i++) {
        slow.push(await open(i % 2 === 0 ? head : `${head}Content-Length: 1000000\r\n\r\n{"username":`));
      }
      for (let i = 0; i < 20; i++) expect((await flotilla.request('GET', '/health')).status).toBe(200);
      expect(await flotilla.login()).not.toBe('');
      for (const socket of slow) socket.destroy();
      await until(
        'they are gone',
        () =>
          new Promise<boolean>((resolve) => {
            server().getConnections((_, count) => resolve(count < 50));
          }),
      );
    });

    it('bodies without end are refused before they are read', async () => {
      const token = await flotilla.login();
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': '99999999999',
      };
      const answer = await wire.send({ method: 'POST', path: '/api/agents', headers }).then(
        ({ status }) => status,
        () => 413,
      );
      expect(answer).toBe(413);
    });

    it('compressed bodies are not unpacked', async () => {
      const token = await flotilla.login();
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      };
      const answer = await wire.send({ method: 'POST', path: '/api/mcp/keys', headers, body: Buffer.alloc(1000) });
      expect([400, 415, 422]).toContain(answer.status);
    });

    const pumped = ['a', '-', '.', ' ', '/', '@', '0', '\u00e9', 'a-', 'a.', '../', '<<', '%'].map((unit) =>
      unit.repeat(Math.floor(300_000 / unit.length)),
    );
    const rules: Record<string, (text: string) => unknown> = {
      slugOf,
      renamedSlugOf,
      normalizeEmail,
      homePathOf,
      isPrivate,
      cpu: (text) => resourcesOf({ cpu: text }),
      memory: (text) => resourcesOf({ memory: text }),
    };

    it.each(Object.entries(rules))('%s is done with 300,000 hostile characters in no time', (_, rule) => {
      for (const text of pumped.flatMap((long) => [long, `${long}!`, `!${long}`, `a@${long}`, `x${long}x`])) {
        const before = process.cpuUsage();
        try {
          rule(text);
        } catch {
          // Refusing it is fine.
        }
        const { user } = process.cpuUsage(before);
        // Milliseconds are usual; what grows with the square takes half a minute.
        expect(user / 1e6).toBeLessThan(3);
      }
    });
  });
});

/** The router prints `/:a|:b/c` where two routes name the same place differently. */
function isVariantOf(route: string, printed: string): boolean {
  const [parts, all] = [route.split('/'), printed.split('/')];
  return parts.length === all.length && parts.every((part, n) => all[n]?.split('|').includes(part));
}

/** Routes as the router prints them: a tree, in which every line continues the path of the one it stands below. */
function routesIn(tree: string): string[] {
  const above: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const parts = /^([│├└─\s]*)(\S+)(?: \(([A-Z, ]+)\))?/.exec(line);
    if (!parts?.[2]) return [];
    const depth = Math.max(0, Math.round((parts[1] ?? '').length / 4) - 1);
    above.length = depth;
    const path = (above[depth - 1] ?? '') + parts[2];
    above[depth] = path;
    return (parts[3] ?? '').split(', ').flatMap((method) => (method === '' ? [] : [`${method} ${path}`]));
  });
}
