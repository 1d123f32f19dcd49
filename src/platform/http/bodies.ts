import { Readable } from 'node:stream';
import { RouteConfig } from '@nestjs/platform-fastify';
import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import { BadRequestForm } from '../../core/errors/domain-error.js';
import { IncomingForm, takesForm } from './forms.js';

/** A body that arrived but could not be read. It matters only to a handler that asks for a body. */
export class Unreadable {
  constructor(
    readonly status: 400 | 415,
    readonly message: string,
  ) {}
}

interface StreamedConfig {
  readonly streamed?: boolean;
}
const bytesType = 'application/octet-stream';

/** Its handler takes the body piece by piece, so that it may be large. */
export const isStreamed = (request: FastifyRequest): boolean =>
  (request.routeOptions.config as StreamedConfig).streamed === true || takesForm(request);

/** The handler takes the bytes of its body as they come: see `bytesOf`. */
export const StreamedBody = (): MethodDecorator => RouteConfig({ streamed: true } satisfies StreamedConfig);

/**
 * The body of a `StreamedBody` route. Nothing is read, and nothing refused, before somebody asks for the first piece. One
 * that says beforehand that it is longer than `most` is refused unread; who reads counts the others.
 */
export async function* bytesOf(
  { body, headers }: FastifyRequest,
  most: number,
): AsyncGenerator<Buffer, void, undefined> {
  if (!(body instanceof Readable)) throw new BadRequestForm(415, `Send the bytes of the file as ${bytesType}`);
  if (Number(headers['content-length'] ?? 0) > most) throw new BadRequestForm(413, 'The body is too large');
  try {
    // Whoever stops early still wants to answer on this connection.
    for await (const piece of body.iterator({ destroyOnReturn: false })) yield piece as Buffer;
  } catch {
    throw new BadRequestForm(400, 'The body broke off');
  } finally {
    body.resume();
  }
}

/**
 * Body parsers that never fail: what cannot be read becomes an `Unreadable`, which the validation pipe turns into an
 * error. So 401 and 404 come before "bad JSON", and a handler without a body ignores whatever was sent along.
 */
export function addBodyParsers(fastify: FastifyInstance): void {
  const asText = { parseAs: 'string' } as const;
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(/^application\/([\w.+-]+\+)?json/, asText, (_request, text, done) => {
    done(null, readJson(String(text)));
  });
  fastify.addContentTypeParser('application/x-www-form-urlencoded', asText, (_request, text, done) => {
    done(null, readForm(String(text)));
  });
  fastify.addContentTypeParser(bytesType, (request, payload, done) => {
    if ((request.routeOptions.config as StreamedConfig).streamed) return done(null, payload);
    payload.resume();
    done(null, payload.headers['content-length'] === '0' ? undefined : unsupported(bytesType));
  });
  fastify.addContentTypeParser('multipart/form-data', (request, payload, done) => {
    if (takesForm(request)) return done(null, new IncomingForm(request.headers, payload));
    // It is not read at all; what it claims to be must still fit.
    const tooLarge = Number(request.headers['content-length']) > (request.routeOptions.bodyLimit ?? 0);
    if (tooLarge) return done(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
    payload.resume();
    done(null, unsupported('multipart/form-data'));
  });
  fastify.addContentTypeParser('*', asText, (request, text, done) => {
    const type = request.headers['content-type']?.split(';', 1)[0] ?? 'none';
    done(null, text === '' ? undefined : unsupported(type));
  });
}

const unsupported = (type: string): Unreadable =>
  new Unreadable(415, `Unsupported content type: ${type.slice(0, 100)}`);

function readJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    // A reviver is slow, so it runs only where something refused could be spelled at all, plainly or with escapes.
    const suspicious = text.includes('__proto__') || /\\u(00|d[89a-f])/i.test(text);
    return JSON.parse(text, suspicious ? refuse : undefined) as unknown;
  } catch (error) {
    const half = error instanceof NotUnicode;
    return new Unreadable(400, half ? 'The body holds half of a surrogate pair' : 'The body is not valid JSON');
  }
}

class NotUnicode extends Error {}

/** Half a surrogate pair: JSON can spell it, but no database stores it and no file holds it. */
const loneSurrogate = /\p{Surrogate}/u;

/** Refuses keys that would reach a prototype when somebody merges the object later, and text that is no Unicode. */
function refuse(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('forbidden key');
  if (loneSurrogate.test(key) || (typeof value === 'string' && loneSurrogate.test(value))) throw new NotUnicode();
  return value;
}

function readForm(text: string): unknown {
  if (text === '') return undefined;
  const fields = new URLSearchParams(text);
  if (fields.has('__proto__')) return new Unreadable(400, 'The form has a forbidden field name');
  return Object.fromEntries(fields);
}
