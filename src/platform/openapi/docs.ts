import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Dialect } from '../../dialects/shared/dialect.js';
import { OpenApiDocuments } from './documents.js';

/** Serves Swagger UI at `/docs`, with a drop-down of all dialects, and their documents at `/docs/<dialect>.json`. */
export function serveDocs(app: NestFastifyApplication, dialects: readonly Dialect[], version: string): void {
  const documents = app.get(OpenApiDocuments);
  documents.bind(app, version);
  const [first] = dialects;
  if (!first) return;
  for (const { name } of dialects) {
    app.getHttpAdapter().get(`/docs/${name}.json`, (_request: FastifyRequest, reply: FastifyReply) => {
      void reply.type('application/json; charset=utf-8').send(documents.of(name));
    });
  }
  SwaggerModule.setup('docs', app, () => documents.of(first.name), {
    raw: false,
    explorer: true,
    customSiteTitle: 'Flotilla APIs',
    swaggerOptions: {
      urls: dialects.map(({ name, title }) => ({ name: title, url: `/docs/${name}.json` })),
      persistAuthorization: true,
      displayRequestDuration: true,
    },
  });
}
