import { Inject, Injectable, type INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { NotFound } from '../../core/errors/domain-error.js';
import type { Dialect } from '../../dialects/shared/dialect.js';
import { mountOf } from '../http/mount.js';
import { DIALECTS } from '../http/sockets.js';

type Paths = OpenAPIObject['paths'];
type Operation = NonNullable<Paths[string]['get']> & { 'x-permission'?: string };
const verbs = ['get', 'put', 'post', 'delete', 'patch'] as const;

/** The OpenAPI document of each dialect, with paths as its own documentation prints them. Built when first asked for. */
@Injectable()
export class OpenApiDocuments {
  private app: INestApplication | null = null;
  private version = '0';
  private readonly built = new Map<string, OpenAPIObject>();

  constructor(@Inject(DIALECTS) private readonly dialects: readonly Dialect[]) {}

  /** Called once, when the application exists. */
  bind(app: INestApplication, version: string): void {
    this.app = app;
    this.version = version;
  }

  of(name: string): OpenAPIObject {
    const known = this.built.get(name);
    if (known) return known;
    const dialect = this.dialects.find((candidate) => candidate.name === name);
    if (!this.app || !dialect) throw new NotFound('document', name);
    const document = describeDialect(this.app, dialect, this.version);
    this.built.set(name, document);
    return document;
  }
}

function describeDialect(app: INestApplication, dialect: Dialect, version: string): OpenAPIObject {
  const mount = mountOf(dialect.name);
  const builder = new DocumentBuilder().setTitle(dialect.title).setDescription(dialect.description).setVersion(version);
  // A dialect with no claim of its own is reached by its explicit prefix only.
  if (dialect.claims.some(({ prefix }) => prefix !== mount)) builder.addServer('/', 'as documented');
  builder.addServer(mount, 'always this API');

  const document = SwaggerModule.createDocument(app, withAuth(builder, dialect).build(), {
    include: [dialect.module],
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  return { ...document, paths: openPublicOnes(withoutPrefix(document.paths, mount)) };
}

function withAuth(builder: DocumentBuilder, { auth }: Dialect): DocumentBuilder {
  if (auth.kind === 'none') return builder;
  if (auth.kind === 'apiKey') {
    return builder.addApiKey({ type: 'apiKey', in: 'header', name: 'X-Api-Key' }, 'key').addSecurityRequirements('key');
  }
  builder.addBearerAuth(undefined, 'bearer');
  if (auth.kind === 'password') {
    const flows = { password: { tokenUrl: auth.tokenUrl, scopes: {} } };
    builder.addOAuth2({ type: 'oauth2', flows }, 'login').addSecurityRequirements('login');
  }
  return builder.addSecurityRequirements('bearer');
}

const withoutPrefix = (paths: Paths, mount: string): Paths =>
  Object.fromEntries(
    Object.entries(paths).map(([path, item]) => [
      path.startsWith(mount) ? path.slice(mount.length) || '/' : path,
      item,
    ]),
  );

/** The document asks for a credential everywhere; public operations say that they need none. */
function openPublicOnes(paths: Paths): Paths {
  for (const item of Object.values(paths)) {
    for (const verb of verbs) {
      const operation: Operation | undefined = item[verb];
      if (operation?.['x-permission'] === 'public') operation.security = [];
    }
  }
  return paths;
}
