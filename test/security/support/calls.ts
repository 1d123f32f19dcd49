import fc from 'fast-check';
import { anything, brokenBodies, contentTypes, forbiddenFields, mark, text } from './hostile.js';
import type { Operation, Schema } from './operations.js';

/** One generated request. */
export interface Call {
  readonly operation: Operation;
  /** Values for the names in the path, not encoded yet. */
  readonly params: Readonly<Record<string, string>>;
  /** Without the question mark, encoded. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | null;
}

type Resolve = (schema: Schema) => Schema;

/** A value the schema asks for: plain, so that the hostile ones beside it are reached. */
function good(schema: Schema, resolve: Resolve): fc.Arbitrary<unknown> {
  const { type, enum: values, items, properties } = resolve(schema);
  if (values && values.length > 0) return fc.constantFrom(...values);
  switch (type) {
    case 'integer':
    case 'number':
      return fc.integer({ min: 0, max: 200 });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(good(items ?? {}, resolve), { maxLength: 3 });
    case 'object':
      return properties ? objectOf(resolve(schema), resolve) : fc.dictionary(fc.constantFrom('a', 'cpu'), text);
    default:
      return fc.stringMatching(/^[a-z]{1,12}$/);
  }
}

function objectOf({ properties = {} }: Schema, resolve: Resolve): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [
      name,
      fc.oneof({ weight: 3, arbitrary: good(schema, resolve) }, { weight: 2, arbitrary: anything }),
    ]),
  );
  return fc.record(fields, { requiredKeys: [] });
}

/** Text as JSON, now and then with each key twice. */
const asJson = fc.boolean().map((twice) => (value: unknown): string => {
  const json = JSON.stringify(value) ?? 'null';
  return twice && json.startsWith('{"') ? `{${json.slice(1, -1)},${json.slice(1)}` : json;
});

function bodyOf(operation: Operation, resolve: Resolve): fc.Arbitrary<Pick<Call, 'body' | 'headers'>> {
  const type = operation.body?.type ?? 'application/json';
  const fields = operation.body ? objectOf(resolve(operation.body.schema), resolve) : fc.constant({});
  const written = fc.tuple(fields, fc.constantFrom({}, {}, forbiddenFields), asJson).map(([own, more, write]) => {
    const all = { ...own, ...more };
    if (type !== 'application/x-www-form-urlencoded') return write(all);
    return new URLSearchParams(
      Object.entries(all).map(([name, value]): [string, string] => [
        name,
        wellFormed(typeof value === 'string' ? value : (JSON.stringify(value) ?? '')),
      ]),
    ).toString();
  });
  return fc.oneof(
    { weight: 12, arbitrary: written.map((body) => ({ body, headers: { 'content-type': type } })) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(...brokenBodies).map((body) => ({ body, headers: { 'content-type': type } })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(written, fc.constantFrom(...contentTypes))
        .map(([body, other]) => ({ body, headers: { 'content-type': other } })),
    },
    { weight: 1, arbitrary: fc.constant({ body: null, headers: {} }) },
  );
}

const headerText = text.map((value) => value.replace(/[^\x20-\x7e\x80-\xff]/g, '').slice(0, 2000));

const extraHeaders: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: headerText.map((value) => ({ 'x-request-id': value })) },
  { weight: 1, arbitrary: headerText.map((value) => ({ 'x-source-agent': value })) },
  { weight: 1, arbitrary: headerText.map((value) => ({ origin: value, cookie: value, accept: value })) },
  {
    weight: 1,
    arbitrary: fc.constant({ 'x-forwarded-for': '1.2.3.4', 'x-forwarded-host': 'evil', forwarded: 'for=x' }),
  },
);

function queryOf({ parameters }: Operation): fc.Arbitrary<string> {
  const names = parameters.filter((one) => one.in === 'query').map(({ name }) => name);
  const name = names.length > 0 ? fc.oneof(fc.constantFrom(...names), fc.constantFrom(...names), text) : text;
  const encoded = fc
    .tuple(name, fc.oneof(text, fc.integer().map(String)), fc.constantFrom('', '', '', '[]', '[x]', '.y'))
    .map(([key, value, suffix]) => `${encode(key.slice(0, 500) + suffix)}=${encode(value.slice(0, 3000))}`);
  const raw = fc.constantFrom('%', '%zz', '&&&', '=', 'a&a&a', '?', '%00=%00', '__proto__[x]=1', 'limit=1&limit=2');
  const most = names.length > 0 ? 4 : 1;
  return fc
    .array(fc.oneof({ weight: 9, arbitrary: encoded }, { weight: 1, arbitrary: raw }), { maxLength: most })
    .map((all) => all.join('&'));
}

/** Any call of an operation. `named` gives values for the names in its path, hostile ones aside. */
export function callOf(
  operation: Operation,
  resolve: Resolve,
  named: Readonly<Record<string, readonly string[]>>,
): fc.Arbitrary<Call> {
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  const params = fc.record(
    Object.fromEntries(
      names.map((name) => {
        const known = named[name] ?? [];
        // What is missing may be named in the answer: only bodies and queries carry the mark.
        const hostile = text.map((value) => value.replace(mark, '').slice(0, 400));
        if (known.length === 0) return [name, hostile];
        return [name, fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: hostile })];
      }),
    ),
  );
  const hasBody = operation.method !== 'GET';
  const sent: fc.Arbitrary<Pick<Call, 'body' | 'headers'>> = hasBody
    ? bodyOf(operation, resolve)
    : fc.constant({ body: null, headers: {} });
  return fc.tuple(params, queryOf(operation), sent, extraHeaders).map(([values, query, { body, headers }, extra]) => ({
    operation,
    params: values,
    query,
    headers: { ...headers, ...extra },
    body,
  }));
}

/** Percent-encoded; half a surrogate pair cannot be, so it becomes U+FFFD. */
export const encode = (value: string): string => encodeURIComponent(wellFormed(value));

const wellFormed = (value: string): string => Buffer.from(value).toString('utf8');
