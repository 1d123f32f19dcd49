import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { permissions } from '../../src/core/access/principal.js';
import { dialectsFor } from '../../src/dialects/index.js';
import { ACCESS } from '../../src/platform/http/access.js';
import { below, claimant, mountOf } from '../../src/platform/http/mount.js';
import { OpenApiDocuments } from '../../src/platform/openapi/documents.js';
import { boot, type Flotilla } from '../support/boot.js';

/** Everything that may be called without a credential. Adding a line here is a decision: say why in the commit. */
const open = [
  // The address is the credential: 160 bits that nobody guesses (docs/embedding.md).
  'talk GET /a/:capability',
  'talk GET /a/:capability/state',
  'talk GET /s/:capability',
  'talk GET /s/:capability/messages',
  'talk GET /s/:capability/state',
  'talk GET /s/:capability/stream',
  'talk POST /s/:capability/approvals/:id',
  'talk POST /s/:capability/files',
  'talk POST /s/:capability/messages',
  'talk POST /s/:capability/questions/:id',
  'talk POST /s/:capability/stop',
  'trinity GET /api/auth/mode',
  'trinity GET /api/auth/validate',
  'trinity GET /api/setup/status',
  'trinity GET /health',
  'trinity GET /health/ready',
  'trinity GET /openapi.json',
  'trinity POST /api/auth/email/request',
  'trinity POST /api/auth/email/verify',
  'trinity POST /api/mcp/validate',
  'trinity POST /api/setup/admin-password',
  'trinity POST /api/token',
  'trinity POST /token',
];

interface Route {
  readonly dialect: string;
  readonly method: string;
  readonly path: string;
  readonly access: unknown;
  readonly handler: string;
}

const settings = {
  embedOrigins: [],
  trinity: {
    sshAccess: true,
    sshAdminOnly: false,
    uniform404: false,
    wsAnonymous: false,
    baseImages: [],
    createMinRole: 'user',
  },
  hostedagents: { rateLimit: 0, maxRunning: 10, models: null },
} as const;
const dialects = dialectsFor(settings);

const metadata = (key: string, target: object): unknown => Reflect.getMetadata(key, target);
const listOf = (value: unknown): string[] => [value].flat().map((path) => (typeof path === 'string' ? path : ''));

function routesOf(dialect: string, controller: Type): Route[] {
  const prototype = controller.prototype as Record<string, object>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = Object.getOwnPropertyDescriptor(prototype, name)?.value as object | undefined;
    if (typeof handler !== 'function' || metadata(METHOD_METADATA, handler) === undefined) return [];
    const method = RequestMethod[metadata(METHOD_METADATA, handler) as number] ?? '?';
    const access = metadata(ACCESS, handler) ?? metadata(ACCESS, controller);
    return listOf(metadata(PATH_METADATA, controller)).flatMap((base) =>
      listOf(metadata(PATH_METADATA, handler)).map((rest) => ({
        dialect,
        method,
        access,
        handler: `${controller.name}.${name}`,
        path: `/${base}/${rest}`.replace(/\/+/g, '/').replace(/(?<=.)\/$/, ''),
      })),
    );
  });
}

const routes = dialects.flatMap(({ name, module }) =>
  ((metadata('controllers', module) ?? []) as Type[]).flatMap((controller) => routesOf(name, controller)),
);

describe('access', () => {
  it('is declared by every route', () => {
    const known = new Set<unknown>([...permissions, 'public']);
    expect(routes.length).toBeGreaterThan(10);
    expect(routes.filter(({ access }) => !known.has(access)).map(({ handler }) => handler)).toEqual([]);
  });

  it('is open for a short reviewed list only', () => {
    const found = routes.filter(({ access }) => access === 'public');
    expect(found.map(({ dialect, method, path }) => `${dialect} ${method} ${path}`).sort()).toEqual([...open].sort());
  });
});

describe('claims', () => {
  const claims = dialects.flatMap((dialect) => dialect.claims.map((claim) => ({ dialect, ...claim })));

  it('are never those of two dialects, unless the kind of key tells them apart', () => {
    const clashes = claims.flatMap((one) =>
      claims
        .filter((other) => other.dialect !== one.dialect && one.apiKeyPrefix === other.apiKeyPrefix)
        .filter((other) => other.prefix === one.prefix)
        .map((other) => `${one.dialect.name} and ${other.dialect.name} claim ${one.prefix}`),
    );
    expect(clashes).toEqual([]);
  });

  it('within a claim of another dialect are the only ones there, in whatever order dialects are listed', () => {
    const within = claims.flatMap((one) =>
      claims
        .filter((other) => other.dialect !== one.dialect && other.prefix !== one.prefix)
        .filter((other) => below(other.prefix, one.prefix))
        .map((other) => ({ one, other })),
    );
    // Each line is a decision: the longer claim takes its paths from the shorter one.
    expect(within.map(({ one, other }) => `${one.dialect.name} ${one.prefix} in ${other.dialect.name}`)).toEqual([
      'hostedagents /api/v1 in trinity',
    ]);
    for (const { one, other } of within) {
      const lost = routes.filter(({ dialect, path }) => dialect === other.dialect.name && below(one.prefix, path));
      expect(lost).toEqual([]);
      for (const order of [dialects, [...dialects].reverse()]) {
        expect(claimant(order, one.prefix, '')?.name).toBe(one.dialect.name);
        expect(claimant(order, `${one.prefix}/x`, '')?.name).toBe(one.dialect.name);
        expect(claimant(order, `${one.prefix}x`, '')?.name).toBe(other.dialect.name);
      }
    }
  });

  it('are plain prefixes', () => {
    for (const { prefix } of claims) expect(prefix).toMatch(/^(\/[\w.~-]+)+$/);
  });

  it('cover every route of their dialect', () => {
    const lost = routes.filter(({ dialect, path }) => {
      const owner = dialects.find(({ name }) => name === dialect);
      const mounted = owner?.claims.every(({ prefix }) => prefix === mountOf(dialect)) ?? false;
      const asked = mounted ? mountOf(dialect) + path : path;
      const key = owner?.claims.find(({ prefix }) => below(prefix, asked))?.apiKeyPrefix ?? '';
      return claimant(dialects, asked, key)?.name !== dialect;
    });
    expect(lost).toEqual([]);
  });
});

describe('documents', () => {
  let flotilla: Flotilla;
  beforeAll(async () => {
    flotilla = await boot();
  });
  afterAll(() => flotilla.close());

  it('hold every route of their dialect, with what it asks for', () => {
    const documents = flotilla.app.get(OpenApiDocuments);
    const missing = routes.filter(({ dialect, method, path, access }) => {
      const item = documents.of(dialect).paths[path.replace(/:(\w+)/g, '{$1}')] as Record<string, object> | undefined;
      const operation = item?.[method.toLowerCase()] as { 'x-permission'?: string } | undefined;
      return operation?.['x-permission'] !== access;
    });
    expect(missing.map(({ dialect, method, path }) => `${dialect} ${method} ${path}`)).toEqual([]);
  });

  it('give every body and answer a schema with fields', () => {
    const empty = dialects.flatMap(({ name }) =>
      Object.entries(flotilla.app.get(OpenApiDocuments).of(name).components?.schemas ?? {})
        .filter(([, schema]) => 'type' in schema && schema.type === 'object')
        .filter(([, schema]) => !('properties' in schema && Object.keys(schema.properties ?? {}).length > 0))
        .map(([schema]) => `${name} ${schema}`),
    );
    expect(empty).toEqual([]);
  });
});
