export interface StreamEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: ReturnType<typeof JSON.parse>;
}

/** A client of server-sent events that keeps what came. Close it in any case. */
export class EventStream {
  readonly events: StreamEvent[] = [];
  /** Resolves when the server has ended the stream, or it was cut. */
  readonly ended: Promise<void>;
  private readonly abort = new AbortController();
  status = 0;
  headers = new Headers();

  private constructor(url: string, headers: Record<string, string>, opened: () => void) {
    this.ended = this.read(url, headers, opened).catch(() => undefined);
  }

  /** Opens it, and answers once the answer's head is there. */
  static async open(url: string, token: string | null, headers: Record<string, string> = {}): Promise<EventStream> {
    const bearer: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
    let opened = (): void => undefined;
    const head = new Promise<void>((resolve) => (opened = resolve));
    const stream = new EventStream(url, { ...bearer, ...headers }, opened);
    await Promise.race([head, stream.ended]);
    return stream;
  }

  of(event: string): StreamEvent[] {
    return this.events.filter((one) => one.event === event);
  }

  async close(): Promise<void> {
    this.abort.abort();
    await this.ended;
  }

  private async read(url: string, headers: Record<string, string>, opened: () => void): Promise<void> {
    const answer = await fetch(url, { headers, signal: this.abort.signal });
    this.status = answer.status;
    this.headers = answer.headers;
    opened();
    const decoder = new TextDecoder();
    let text = '';
    for await (const piece of answer.body ?? []) {
      text += decoder.decode(piece as Uint8Array, { stream: true });
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) this.take(part);
    }
  }

  private take(part: string): void {
    const field = (name: string): string | null => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1] ?? null;
    const data = field('data');
    if (data !== null)
      this.events.push({ event: field('event') ?? 'message', id: field('id'), data: JSON.parse(data) });
  }
}
