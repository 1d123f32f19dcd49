import type { OpenApiDocuments } from '../../src/platform/openapi/documents.js';

export interface Schema {
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
interface Described {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
}
export interface Sent {
  readonly path: string;
  readonly type: string | null;
  readonly body: string | FormData | undefined;
}
type Document = ReturnType<OpenApiDocuments['of']>;
type Words = Readonly<Record<string, string>>;

/** Everything that Swagger's page fills in by itself for one operation. */
export class PageSamples {
  constructor(
    private readonly document: Document,
    private readonly mount: string,
  ) {}

  /** Each operation: its name, and what it is described with. */
  operations() {
    return Object.entries(this.document.paths).flatMap(([path, item]) =>
      (['post', 'put', 'patch', 'get', 'delete'] as const).flatMap((verb) => {
        const operation = item[verb] as Described | undefined;
        return operation ? [{ name: `${verb.toUpperCase()} ${path}`, verb, path, operation }] : [];
      }),
    );
  }

  /** What is sent: one call for each example. `known` are ids of this installation, which no example can know. */
  of(path: string, { parameters = [], requestBody }: Described, known: Words): Sent[] {
    const valueOf = ({ name, example, schema }: Parameter): unknown =>
      example ?? schema?.example ?? schema?.default ?? known[name];
    const inPath = Object.fromEntries(
      parameters.filter((one) => one.in === 'path').map((one) => [one.name, known[one.name] ?? valueOf(one)]),
    );
    const query = new URLSearchParams();
    for (const one of parameters) {
      const value = one.in === 'query' ? valueOf(one) : undefined;
      if (value !== undefined) query.set(one.name, typeof value === 'string' ? value : JSON.stringify(value));
    }
    const address = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(inPath[name])));
    const full = this.mount + address + (query.size > 0 ? `?${query.toString()}` : '');
    const [entry] = Object.entries(requestBody?.content ?? {});
    if (!entry) return [{ path: full, type: null, body: undefined }];
    const [type, { schema, example, examples }] = entry;
    const bodies = examples ? Object.values(examples).map(({ value }) => value) : [example ?? this.sample(schema)];
    // A form says by itself where its parts end.
    const said = type === 'multipart/form-data' ? null : type;
    return bodies.map((body) => ({ path: full, type: said, body: written(type, body) }));
  }

  /** As the page makes one up: an example, else a default, else the first choice, else a word for its type. */
  private sample(given: Schema | undefined): unknown {
    const schema = this.resolved(given);
    if (schema.example !== undefined) return schema.example;
    if (schema.default !== undefined) return schema.default;
    if (schema.enum) return schema.enum[0];
    if (schema.properties) {
      return Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, this.sample(one)]));
    }
    if (schema.type === 'array') return [this.sample(schema.items)];
    const others: Readonly<Record<string, unknown>> = { integer: 0, number: 0, boolean: true, object: {} };
    return others[schema.type ?? ''] ?? 'string';
  }

  private resolved(schema: Schema | undefined): Schema {
    const name = schema?.$ref?.split('/').pop();
    const schemas = this.document.components?.schemas ?? {};
    const found = name === undefined ? (schema ?? {}) : (schemas[name] as Schema);
    return found.allOf?.length === 1 ? { ...this.resolved(found.allOf[0]), ...found } : found;
  }
}

function written(type: string, body: unknown): string | FormData {
  if (type === 'application/x-www-form-urlencoded')
    return new URLSearchParams(body as Record<string, string>).toString();
  if (type !== 'multipart/form-data') return type.endsWith('json') ? JSON.stringify(body) : String(body);
  const form = new FormData();
  for (const [field, name] of Object.entries(body as Record<string, string>)) form.set(field, new Blob(['%PDF']), name);
  return form;
}
