import { Agent, request } from 'node:http';

export interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | null;
  /** Milliseconds without an answer after which it counts as hanging. */
  readonly patience?: number;
}

/** Plain HTTP as it is written: paths and headers are not tidied up as `fetch` does. */
export class Wire {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(private readonly url: string) {}

  send({ method, path, headers = {}, body = null, patience = 20_000 }: Sent): Promise<Raw> {
    const { hostname, port } = new URL(this.url);
    return new Promise((resolve, reject) => {
      // Always said: Node leaves it out for a DELETE, whose body would then be taken for the next request.
      const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const all = { ...headers, ...length };
      const out = request({ hostname, port, method, path, headers: all, agent: this.agent }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () => {
          clearTimeout(late);
          const { statusCode = 0, headers: received } = answer;
          resolve({ status: statusCode, headers: received, text: Buffer.concat(parts).toString('utf8') });
        });
      });
      const late = setTimeout(() => out.destroy(new Error(`no answer within ${patience} ms`)), patience);
      out.on('error', (error) => {
        clearTimeout(late);
        reject(error);
      });
      out.end(body ?? undefined);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
