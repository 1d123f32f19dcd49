import type { FastifyInstance } from 'fastify';

/** A body that arrived but could not be read. It matters only to a handler that asks for a body. */
export class Unreadable {
  constructor(
    readonly status: 400 | 415,
    readonly message: string,
  ) {}
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
  fastify.addContentTypeParser('*', asText, (request, text, done) => {
    const type = request.headers['content-type']?.split(';', 1)[0] ?? 'none';
    done(null, text === '' ? undefined : new Unreadable(415, `Unsupported content type: ${type.slice(0, 100)}`));
  });
}

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
