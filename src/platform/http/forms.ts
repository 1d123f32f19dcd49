import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { Invalid } from '../../core/errors/domain-error.js';

/** A file as it arrives. */
export interface FormFile {
  /** As the client called it, folders included. */
  readonly name: string;
  /** What the client says it is. */
  readonly type: string;
  /**
   * Ends when the whole form was read and was good; throws otherwise, so that nobody keeps half a file. Read it at once,
   * and to its end or not at all.
   */
  readonly data: AsyncIterable<Buffer>;
}

/** More of anything than this is no form of ours. */
const limits = { files: 2, fields: 20, parts: 22, fieldSize: 64 * 1024, headerPairs: 100 };

/** A multipart body that nobody has read yet. It is read as a stream, never held. */
export class IncomingForm {
  constructor(
    private readonly headers: IncomingHttpHeaders,
    private readonly body: Readable,
  ) {}

  /**
   * The one file of the form, in `field`; given up when `gone` fires. Throws `Invalid` when there is none (`file_missing`)
   * or the form is broken.
   */
  file(field: string, gone: AbortSignal): Promise<FormFile> {
    return new Promise((resolve, reject) => {
      const parser = this.parser();
      let whole = (): void => undefined;
      let broken: (error: Error) => void = reject;
      const end = new Promise<void>((done, fail) => {
        whole = done;
        broken = fail;
      });
      end.catch(reject);
      const fail = (error: Error): void => {
        broken(error);
        this.body.unpipe(parser);
        this.body.resume(); // what still comes is read to nothing, so that the answer can be sent
      };
      let files = 0;
      parser.on('file', (name, stream, filename: string | undefined, _encoding, type) => {
        files += 1;
        stream.on('error', () => undefined);
        end.catch((error: unknown) => stream.destroy(error as Error));
        if (files > 1) {
          stream.resume();
          return fail(new Invalid('Send one file at a time', [], 'invalid_request'));
        }
        if (name !== field) return fail(missing(field));
        resolve({ name: filename ?? '', type, data: read(stream, end, fail) });
      });
      parser.on('filesLimit', () => {
        fail(new Invalid('Send one file at a time', [], 'invalid_request'));
      });
      parser.on('error', () => {
        fail(new Invalid('The form is broken or was cut off', [], 'invalid_request'));
      });
      parser.on('finish', () => {
        if (files === 0) fail(missing(field));
        else whole();
      });
      if (gone.aborted) fail(cutOff());
      gone.addEventListener('abort', () => fail(cutOff()), { once: true });
      this.body.on('error', () => {
        fail(cutOff());
      });
      this.body.on('close', () => {
        if (!this.body.readableEnded) fail(cutOff());
      });
      this.body.pipe(parser);
    });
  }

  private parser(): BusboyInstance {
    try {
      return new Busboy({ headers: this.headers as BusboyHeaders, limits, preservePath: true });
    } catch {
      throw new Invalid('The form has no boundary', [], 'invalid_request');
    }
  }
}

async function* read(
  stream: Readable,
  end: Promise<void>,
  fail: (error: Error) => void,
): AsyncGenerator<Buffer, void, undefined> {
  let complete = false;
  try {
    for await (const chunk of stream) yield chunk as Buffer;
    await end;
    complete = true;
  } finally {
    if (!complete) fail(cutOff());
  }
}

const missing = (field: string): Invalid =>
  new Invalid(`Send the file as the form field '${field}'`, [], 'file_missing', { field });
const cutOff = (): Invalid => new Invalid('The upload was cut off', [], 'invalid_request');

/** The handler reads a multipart form by itself: `@Form()` hands it over. Other routes refuse such a body. */
export const TakesForm = (): MethodDecorator & ClassDecorator => applyDecorators(RouteConfig({ takesForm: true }));

export const takesForm = (request: FastifyRequest): boolean =>
  (request.routeOptions.config as { takesForm?: boolean }).takesForm === true;

/** The form of a route with `@TakesForm`. Throws `Invalid` when the body is none. */
export const Form = createParamDecorator((_: unknown, context: ExecutionContext): IncomingForm => {
  const { body } = context.switchToHttp().getRequest<FastifyRequest>();
  if (body instanceof IncomingForm) return body;
  throw new Invalid('Send a form: multipart/form-data', [], 'invalid_request');
});
