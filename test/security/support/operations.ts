import { OpenApiDocuments } from '../../../src/platform/openapi/documents.js';
import type { Flotilla } from '../../support/boot.js';

const verbs = ['get', 'put', 'post', 'delete', 'patch'] as const;

export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly format?: string;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema?: Schema;
}

interface Described {
  readonly 'x-permission'?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> };
  readonly responses: Readonly<Record<string, unknown>>;
}

/** One operation of an OpenAPI document. */
export interface Operation {
  readonly dialect: string;
  /** `GET /api/agents/{name}`, as the document prints it. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly permission: string | undefined;
  readonly parameters: readonly Parameter[];
  /** Media type and schema of its body; null when it takes none. */
  readonly body: { readonly type: string; readonly schema: Schema } | null;
  readonly statuses: readonly number[];
}

/** Every operation of a dialect, from its document. */
export function operationsOf(flotilla: Pick<Flotilla, 'app'>, dialect: string): Operation[] {
  const document = flotilla.app.get(OpenApiDocuments).of(dialect);
  return Object.entries(document.paths).flatMap(([path, item]) =>
    verbs.flatMap((verb): Operation[] => {
      const operation = item[verb] as Described | undefined;
      if (!operation) return [];
      const [content] = Object.entries(operation.requestBody?.content ?? {});
      return [
        {
          dialect,
          name: `${verb.toUpperCase()} ${path}`,
          method: verb.toUpperCase(),
          path,
          permission: operation['x-permission'],
          parameters: operation.parameters ?? [],
          body: content ? { type: content[0], schema: content[1].schema ?? {} } : null,
          statuses: Object.keys(operation.responses).map(Number),
        },
      ];
    }),
  );
}

/** Schemas by reference, of one document. */
export function schemasOf(flotilla: Pick<Flotilla, 'app'>, dialect: string): (schema: Schema) => Schema {
  const schemas = flotilla.app.get(OpenApiDocuments).of(dialect).components?.schemas ?? {};
  return (schema) => {
    const name = schema.$ref?.split('/').pop();
    return name === undefined ? schema : ((schemas[name] ?? {}) as Schema);
  };
}
