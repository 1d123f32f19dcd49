import WebSocket from 'ws';

/** A message of a dialect, read as a client reads it. */
export type JsonEvent = Readonly<Record<string, unknown>>;

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket client that remembers what it got, so that a test can wait for a state instead of sleeping. */
export class SocketClient {
  readonly messages: string[] = [];
  closed: Closed | null = null;
  /** Status of an answer that refused the handshake. */
  refused: { readonly status: number; readonly body: string } | null = null;
  private readonly watchers = new Set<() => void>();

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => this.change(() => this.messages.push(data.toString('utf8'))));
    socket.on('open', () => this.change(() => undefined));
    socket.on('error', () => this.change(() => undefined));
    socket.on('close', (code, reason) => this.change(() => (this.closed = { code, reason: reason.toString('utf8') })));
    socket.on('unexpected-response', (_request, answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () =>
        this.change(
          () => (this.refused = { status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }),
        ),
      );
    });
  }

  /** @param url `http://...` or `ws://...` */
  static to(
    url: string,
    options: { readonly headers?: Record<string, string>; readonly protocols?: string[] } = {},
  ): SocketClient {
    return new SocketClient(
      new WebSocket(url.replace(/^http/, 'ws'), options.protocols ?? [], { headers: options.headers ?? {} }),
    );
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** Every message that is JSON, parsed. */
  get events(): JsonEvent[] {
    return this.messages.map((text) => JSON.parse(text) as JsonEvent);
  }

  send(value: unknown): void {
    this.socket.send(typeof value === 'string' ? value : JSON.stringify(value));
  }

  close(): void {
    this.socket.terminate();
  }

  /** Resolves with what `predicate` finds (anything but undefined, null and false); fails after `deadlineMs`. */
  waitFor<T>(predicate: (client: this) => T | undefined | null | false, deadlineMs = 10_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        clearTimeout(late);
        this.watchers.delete(check);
        settle();
      };
      const check = (): void => {
        const found = predicate(this);
        if (found !== undefined && found !== null && found !== false) done(() => resolve(found));
      };
      const late = setTimeout(
        () => done(() => reject(new Error(`not within ${deadlineMs} ms; got: ${this.describe()}`))),
        deadlineMs,
      );
      this.watchers.add(check);
      check();
    });
  }

  /** The first parsed message that matches. */
  event(matches: (event: JsonEvent) => boolean, deadlineMs = 10_000): Promise<JsonEvent> {
    return this.waitFor(() => this.events.find(matches), deadlineMs);
  }

  private describe(): string {
    return JSON.stringify({ messages: this.messages.slice(-20), closed: this.closed, refused: this.refused });
  }

  private change(apply: () => unknown): void {
    apply();
    for (const watcher of [...this.watchers]) watcher();
  }
}
