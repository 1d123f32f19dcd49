import { OpenApiDocuments } from '../../src/platform/openapi/documents.js';
import { LoginTokens } from '../../src/core/accounts/login-tokens.js';
import { User } from '../../src/core/accounts/user.entity.js';
import { newThing, place } from '../security/support/things.js';
import { AbleEngine } from '../support/able-engine.js';
import { bootFleet, type Fleet } from '../support/fleet.js';

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly example?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
}
interface Media {
  readonly schema?: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value?: unknown }>>;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly example?: unknown;
  readonly schema?: Schema;
}
interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
}
interface Sent {
  readonly path: string;
  readonly type: string | null;
  readonly body: string | undefined;
}

const dialects = { trinity: '/~trinity', console: '/~console' } as const;
const thing = newThing('documented');

/** What ends the agent or its name for the others, so it comes last and in this order. */
const last = ['POST /api/agents/{name}/stop', 'PUT /api/agents/{name}/rename', 'DELETE /api/agents/{name}'];

/** Where an example cannot be good in every state of an installation: what it is answered here, and why. */
const otherwise: Readonly<Record<string, readonly [status: number, why: string]>> = {
  'GET /api/templates/{owner}/{repository}': [500, 'there is no git host'],
  'POST /token': [401, 'the password here is another'],
  'POST /api/token': [401, 'the password here is another'],
  'POST /api/setup/admin-password': [403, 'it is set up'],
  'POST /api/auth/email/verify': [401, 'the code was sent to nobody'],
  'PUT /api/users/me/email': [400, 'the code was sent to nobody'],
  'POST /api/mcp/validate': [401, 'a login is no key'],
  'POST /api/agents': [409, 'there is one called hello'],
  'POST /api/agents/{name}/schedules/{id}/trigger': [503, 'its agent does not run'],
  'POST /approvals/{id}/answer': [409, 'its agent does not run'],
  'POST /questions/{id}/answer': [400, 'another question was asked'],
};

/** Everything that Swagger's page fills in by itself is sent as it stands there, to an agent called `hello`. */
describe.each(Object.entries(dialects))('what the page of %s fills in', (dialect, mount) => {
  let fleet: Fleet;
  let admin: User;
  let keyId: string;
  beforeAll(async () => {
    fleet = await bootFleet({
      engine: (config, installId) => new AbleEngine(config, installId),
      env: { FLOTILLA_SSH_PORT: '0', FLOTILLA_GITHUB_URL: 'http://127.0.0.1:9' },
    });
    admin = await fleet.db.of(User).findOneByOrFail({ username: 'admin' });
    await place(fleet.db, thing, admin, null);
    await fleet.givenAgent('hello');
    await fleet.givenAgent('writer');
    await fleet.givenUser('ada');
    keyId = String((await fleet.admin.post('/api/mcp/keys', { name: 'documented' })).body['id']);
    await fleet.chat('hello', '<<write hello.txt hi>><<write notes/hello.txt hi>>');
  }, 180_000);
  afterAll(() => fleet.close());

  const ids = (path: string): Readonly<Record<string, string>> => ({
    name: /\{(id|executionId|toolId)\}/.test(path) ? thing.slug : 'hello',
    id: path.startsWith('/approvals')
      ? thing.approvalId
      : path.startsWith('/questions')
        ? thing.questionId
        : path.startsWith('/turns')
          ? thing.turnId
          : path.includes('/keys/')
            ? keyId
            : path.includes('/schedules/')
              ? thing.scheduleId
              : path.includes('/executions/')
                ? thing.executionId
                : path.includes('/ssh-credentials/')
                  ? thing.sshCredentialId
                  : thing.sessionId,
    toolId: thing.toolId,
  });

  function resolved(schema: Schema | undefined): Schema {
    const name = schema?.$ref?.split('/').pop();
    const schemas = fleet.app.get(OpenApiDocuments).of(dialect).components?.schemas ?? {};
    const found = name === undefined ? (schema ?? {}) : (schemas[name] as Schema);
    return found.allOf?.length === 1 ? { ...resolved(found.allOf[0]), ...found } : found;
  }

  /** As the page makes one up: an example, else a default, else the first choice, else a word for its type. */
  function sample(given: Schema | undefined): unknown {
    const schema = resolved(given);
    if (schema.example !== undefined) return schema.example;
    if (schema.default !== undefined) return schema.default;
    if (schema.enum) return schema.enum[0];
    if (schema.properties) {
      return Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, sample(one)]));
    }
    if (schema.type === 'array') return [sample(schema.items)];
    const others: Readonly<Record<string, unknown>> = { integer: 0, number: 0, boolean: true, object: {} };
    return others[schema.type ?? ''] ?? 'string';
  }

  function sendings(path: string, { parameters = [], requestBody }: Operation): Sent[] {
    const known = ids(path);
    const valueOf = ({ name, example, schema }: Parameter): unknown =>
      example ?? schema?.example ?? schema?.default ?? known[name];
    const inPath = Object.fromEntries(
      parameters
        .filter((one) => one.in === 'path')
        .map((one) => [one.name, one.name === 'name' ? known[one.name] : valueOf(one)]),
    );
    const query = new URLSearchParams();
    for (const one of parameters) {
      const value = one.in === 'query' ? valueOf(one) : undefined;
      if (value !== undefined) query.set(one.name, typeof value === 'string' ? value : JSON.stringify(value));
    }
    const address = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(inPath[name])));
    const full = mount + address + (query.size > 0 ? `?${query.toString()}` : '');
    const [entry] = Object.entries(requestBody?.content ?? {});
    if (!entry) return [{ path: full, type: null, body: undefined }];
    const [type, { schema, example, examples }] = entry;
    const bodies = examples ? Object.values(examples).map(({ value }) => value) : [example ?? sample(schema)];
    return bodies.map((body) => ({ path: full, type, body: written(type, body) }));
  }

  it('is taken', async () => {
    const document = fleet.app.get(OpenApiDocuments).of(dialect);
    const all = Object.entries(document.paths).flatMap(([path, item]) =>
      (['post', 'put', 'get', 'delete'] as const).flatMap((verb) => {
        const operation = item[verb] as Operation | undefined;
        return operation ? [{ name: `${verb.toUpperCase()} ${path}`, verb, path, operation }] : [];
      }),
    );
    const rank = ({ name, verb }: (typeof all)[number]): number =>
      last.includes(name) ? 9 + last.indexOf(name) : ['post', 'put', 'get', 'delete'].indexOf(verb);
    const refused: string[] = [];
    for (const { name, verb, path, operation } of all.sort((a, b) => rank(a) - rank(b))) {
      for (const { path: address, type, body } of sendings(path, operation)) {
        // A login of its own each time: one of them ends it.
        const token = fleet.app.get(LoginTokens).issue(admin).accessToken.reveal();
        const headers = { authorization: `Bearer ${token}`, ...(type === null ? {} : { 'content-type': type }) };
        const once = /\/stream$/.test(path) ? `${address}?follow=false` : address;
        const answer = await fetch(fleet.url + once, {
          method: verb.toUpperCase(),
          headers,
          ...(body === undefined ? {} : { body }),
        });
        const words = (await answer.text()).slice(0, 160);
        if (last[1] === name)
          await fleet.db.query(`update agents set slug = 'hello' where slug = $1`, [JSON.parse(body ?? '{}').new_name]);
        const [expected] = otherwise[name] ?? [];
        if (!answer.ok && answer.status !== expected) {
          refused.push(`${name} ${body ?? ''}: ${answer.status} ${words}`);
        }
      }
    }
    expect(refused).toEqual([]);
  }, 300_000);
});

function written(type: string, body: unknown): string {
  if (type === 'application/x-www-form-urlencoded')
    return new URLSearchParams(body as Record<string, string>).toString();
  return type.endsWith('json') ? JSON.stringify(body) : String(body);
}
