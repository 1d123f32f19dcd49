import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { isStreamed } from './bodies.js';

export interface BodyTime {
  /** How often it is looked how much has come. */
  readonly lookMs: number;
  /** Looks after which a body must have arrived. */
  readonly looks: number;
  /** Bytes that must have come since the last look, of a body that may take as long as it likes. */
  readonly least: number;
}

/** Two minutes for what is read as a whole. A file may take as long as its network does, if it moves: half a KiB a second. */
export const bodyTime: BodyTime = { lookMs: 30_000, looks: 4, least: 16 * 1024 };

/**
 * Ends connections whose body does not arrive: nobody may hold one open by sending next to nothing. Node's own limit is one
 * for all requests, and would cut every file that takes longer.
 */
export function limitBodyTime(fastify: FastifyInstance, limits: BodyTime = bodyTime): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const { raw } = request;
    if (hasBody(raw)) watch(raw, reply, isStreamed(request), limits);
    done();
  });
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function watch(raw: IncomingMessage, reply: FastifyReply, streamed: boolean, { lookMs, looks, least }: BodyTime): void {
  const { socket } = raw;
  let seen = socket.bytesRead;
  let left = looks;
  const timer = setInterval(() => {
    const moved = socket.bytesRead - seen;
    seen = socket.bytesRead;
    left -= 1;
    // Its answer may take as long as it likes: that is no more of our business.
    const over = raw.complete || socket.destroyed;
    if (!over && (streamed ? moved >= least : left > 0)) return;
    clearInterval(timer);
    if (over) return;
    if (!reply.raw.headersSent) socket.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
    socket.destroySoon();
  }, lookMs);
  timer.unref();
  // It was read to its end, or its connection is gone.
  raw.once('close', () => clearInterval(timer));
}
