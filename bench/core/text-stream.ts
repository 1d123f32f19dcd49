import { get, type ClientRequest } from 'node:http';

interface Heard {
  readonly at: number;
  readonly text: string;
}

/** A client of a conversation's event stream that notes when each stamped piece of text came, in monotonic milliseconds. */
export class TextStream {
  private readonly seen = new Map<string, number>();
  private request: ClientRequest | null = null;
  private held = '';

  constructor(
    private readonly url: string,
    private readonly headers: Readonly<Record<string, string>>,
  ) {}

  /** Resolves once the server has answered; what was said before is not heard as new. */
  async open(): Promise<void> {
    await new Promise<void>((opened, failed) => {
      this.request = get(this.url, { headers: this.headers }, (answer) => {
        if (answer.statusCode !== 200) failed(new Error(`${this.url} answered ${answer.statusCode ?? 0}`));
        answer.setEncoding('utf8').on('data', (text: string) => this.take(text));
        answer.on('error', () => undefined);
        opened();
      }).on('error', failed);
    });
  }

  /** The pieces that came since the last call. */
  taken(): Heard[] {
    const heard = [...this.seen].map(([text, at]) => ({ text, at }));
    this.seen.clear();
    return heard;
  }

  get count(): number {
    return this.seen.size;
  }

  close(): void {
    this.request?.destroy();
  }

  /** Pieces that come together arrive together: a stamp counts when it is read first, in a delta or in the stored message. */
  private take(text: string): void {
    const at = Number(process.hrtime.bigint()) / 1e6;
    const parts = (this.held + text).split('\n\n');
    this.held = parts.pop() ?? '';
    for (const part of parts)
      for (const [, stamp = ''] of part.matchAll(/(\d{10,}) /g)) if (!this.seen.has(stamp)) this.seen.set(stamp, at);
  }
}
