import type { FastifyReply, FastifyRequest } from 'fastify';
import { NotFound } from '../../core/errors/domain-error.js';
import type { WebPages } from '../../platform/http/web-pages.js';

const unbuilt = '<!doctype html><title>Flotilla</title><p>The page is not built yet: npm run build makes it.</p>';

/** The page behind an address. Where it leads nowhere, a browser gets the same page, which then says so, with 404. */
export async function sendPage(
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  pages: WebPages,
  open: () => Promise<unknown>,
): Promise<string> {
  let status = 200;
  try {
    await open();
  } catch (error) {
    const shown = (request.headers.accept ?? '').includes('text/html');
    if (!shown || !(error instanceof NotFound)) throw error;
    status = 404;
  }
  void reply.code(status).type('text/html; charset=utf-8');
  return (await pages.read('talk.html')) ?? unbuilt;
}
