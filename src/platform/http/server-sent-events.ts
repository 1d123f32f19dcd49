import type { FastifyReply } from 'fastify';
import { isStopping } from './streams.js';

/** One event of a stream; without data it is a comment, which keeps the connection alive. */
export interface ServerSentEvent {
  readonly event?: string;
  /** Sent back as `Last-Event-ID` by a client that connects again. */
  readonly id?: string;
  readonly data?: unknown;
}

/** How long a reader may take what was sent before the end, once a stream has ended. */
const patienceMs = 3000;

/** Labels an answer as a stream of events that nobody on the way may keep or gather. */
export function asEventStream(reply: FastifyReply): void {
  void reply.headers({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
}

/**
 * Items as events. When `end.signal` fires the stream ends; a reader that does not even take that is cut off. The last event
 * says so, with a reason when the server stops: then it is worth to come again.
 */
export async function* eventStream<T>(
  items: AsyncIterable<T>,
  word: (item: T) => ServerSentEvent,
  end: { readonly signal: AbortSignal; readonly reply: FastifyReply },
): AsyncGenerator<string, void, undefined> {
  const { raw } = end.reply;
  const cut = (): void => {
    const late = setTimeout(() => raw.destroy(), patienceMs);
    late.unref();
    raw.once('close', () => clearTimeout(late));
  };
  end.signal.addEventListener('abort', cut, { once: true });
  // Browsers show an answer once something came.
  yield ': open\n\n';
  for await (const item of items) yield textOf(word(item));
  const stopping = isStopping(end.reply.server.server);
  yield textOf({ event: 'end', data: stopping ? { reason: 'the server is stopping' } : {} });
}

function textOf({ event, id, data }: ServerSentEvent): string {
  if (data === undefined) return ': idle\n\n';
  const lines = [event ? `event: ${event}` : '', id ? `id: ${id}` : '', `data: ${JSON.stringify(data)}`];
  return `${lines.filter((line) => line !== '').join('\n')}\n\n`;
}
