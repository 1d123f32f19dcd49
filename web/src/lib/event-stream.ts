import { ApiError, type Send } from './http';

export interface StreamHandlers {
  onEvent(event: string, data: unknown): void;
  /** False while there is no connection. */
  onConnected?(connected: boolean): void;
  /** It is over for good: a refusal that trying again does not mend. */
  onRefused?(error: ApiError): void;
}

const firstWait = 500;
const lastWait = 8000;
/** The server says something at least this often; a connection that is silent for longer is dead. */
const silence = 45_000;

/** Server-sent events of a path that go on after a cut where they stopped; `send` makes the call. Answers what ends it. */
export function followStream(send: Send, path: string, handlers: StreamHandlers): () => void {
  const ended = new AbortController();
  let lastId: string | null = null;
  let wait = firstWait;

  async function read(): Promise<void> {
    const attempt = new AbortController();
    const abort = (): void => attempt.abort();
    ended.signal.addEventListener('abort', abort);
    let pulse = window.setTimeout(abort, silence);
    try {
      const headers = { accept: 'text/event-stream', ...(lastId === null ? {} : { 'last-event-id': lastId }) };
      const answer = await send('GET', path, { headers, signal: attempt.signal });
      handlers.onConnected?.(true);
      wait = firstWait;
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
        clearTimeout(pulse);
        pulse = window.setTimeout(abort, silence);
        const parts = (text + piece.value).split('\n\n');
        text = parts.pop() ?? '';
        for (const part of parts) take(part);
      }
    } finally {
      clearTimeout(pulse);
      ended.signal.removeEventListener('abort', abort);
    }
  }

  function take(part: string): void {
    const field = (name: string): string | null =>
      part
        .split('\n')
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2) ?? null;
    const data = field('data');
    lastId = field('id') ?? lastId;
    if (data !== null && !ended.signal.aborted) handlers.onEvent(field('event') ?? 'message', JSON.parse(data));
  }

  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      try {
        await read();
      } catch (error) {
        if (ended.signal.aborted) return;
        if (error instanceof ApiError && [400, 401, 403, 404].includes(error.status)) {
          handlers.onRefused?.(error);
          return;
        }
      }
      if (ended.signal.aborted) return;
      handlers.onConnected?.(false);
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, lastWait);
    }
  }

  void run();
  return () => ended.abort();
}
