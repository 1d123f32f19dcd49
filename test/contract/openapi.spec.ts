import { boot, type Flotilla } from '../support/boot.js';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly additionalProperties?: unknown;
  readonly example?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
}
interface Media {
  readonly schema?: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, unknown>>;
}
interface Operation {
  readonly summary?: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { name: string; in: string; required?: boolean; example?: unknown; schema?: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { description?: string; content?: Readonly<Record<string, Media>> }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** What a person sees at /docs: every operation with a summary, answers with a shape, and an example to paste. */
describe.each(['trinity', 'hostedagents', 'console', 'talk'])('the document of %s', (dialect) => {
  let flotilla: Flotilla;
  let document: Document;
  let operations: [string, Operation][];
  beforeAll(async () => {
    flotilla = await boot();
    document = (await flotilla.request('GET', `/docs/${dialect}.json`)).body as Document;
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([verb, operation]): [string, Operation] => [`${verb} ${path}`, operation]),
    );
  });
  afterAll(() => flotilla.close());

  const resolved = (schema: Schema | undefined): Schema | undefined => {
    const name = schema?.$ref?.split('/').pop();
    return name === undefined ? schema : document.components.schemas[name];
  };
  const hasShape = (given: Schema | undefined, depth = 0): boolean => {
    const schema = resolved(given);
    if (!schema || depth > 8) return depth > 8;
    if (schema.allOf) return schema.allOf.every((one) => hasShape(one, depth + 1));
    if (schema.type === 'array') return hasShape(schema.items, depth + 1);
    if (schema.type === 'object' && !schema.additionalProperties) {
      const members = Object.values(schema.properties ?? {});
      return members.length > 0 && members.every((one) => hasShape(one, depth + 1));
    }
    return Object.keys(schema).length > 0;
  };
  /** Ids come from other answers: none is good everywhere. */
  const isId = (name: string): boolean => name === 'id' || name.endsWith('Id');
  const failing = (test: (operation: Operation, call: string) => boolean): string[] =>
    operations.flatMap(([call, operation]) => (test(operation, call) ? [] : [call]));

  it('has operations', () => {
    expect(operations.length).toBeGreaterThan(5);
  });

  it('gives each a summary', () => {
    expect(failing(({ summary }) => (summary ?? '').length > 5)).toEqual([]);
  });

  it('describes what each answers', () => {
    const shaped = ({ responses }: Operation): boolean =>
      Object.entries(responses).some(([status]) => status.startsWith('2')) &&
      Object.entries(responses).every(([status, { content }]) => {
        const medias = Object.values(content ?? {});
        return status === '204' || (medias.length > 0 && medias.every(({ schema }) => hasShape(schema)));
      });
    expect(failing(shaped)).toEqual([]);
  });

  it('names the errors of each', () => {
    const isPublic = ({ security }: Operation): boolean => security?.length === 0;
    expect(failing((operation) => isPublic(operation) || '401' in operation.responses)).toEqual([]);
    const input = ({ requestBody }: Operation): boolean => requestBody !== undefined;
    const refused = dialect === 'trinity' ? '422' : '400';
    expect(failing((operation) => !input(operation) || refused in operation.responses)).toEqual([]);
    expect(
      failing((operation, call) => !/\{(name|id|\w+Id|username)\}/.test(call) || '404' in operation.responses),
    ).toEqual([]);
  });

  it('has something to paste for each body and each parameter that is needed', () => {
    const known = (schema: Schema | undefined): boolean =>
      schema !== undefined &&
      (schema.example !== undefined || schema.default !== undefined || schema.enum !== undefined);
    const pasted = ({ requestBody }: Operation): boolean =>
      Object.values(requestBody?.content ?? {}).every(({ schema, example, examples }) => {
        if (example !== undefined || examples !== undefined) return true;
        return Object.values(resolved(schema)?.properties ?? {}).every((one) => known(one));
      });
    expect(failing(pasted)).toEqual([]);
    const given = ({ parameters = [] }: Operation): boolean =>
      parameters.every(
        ({ name, required, example, schema }) => !required || isId(name) || example !== undefined || known(schema),
      );
    expect(failing(given)).toEqual([]);
  });
});
