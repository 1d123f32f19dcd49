import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly requests: number;
  /** Is this answer right? */
  readonly right: (status: number, body: string) => boolean;
}

export interface LoadResult {
  /** Milliseconds of each request. */
  readonly values: number[];
  readonly rate: number;
  readonly errors: number;
}

/**
 * Sends the same GET again and again over kept connections, one at a time on each. A raw socket, because a client that
 * is slower than the servers would make them look alike.
 */
export async function load(options: Load): Promise<LoadResult> {
  const values: number[] = [];
  let errors = 0;
  let left = options.requests;
  const headers = Object.entries({ host: `127.0.0.1:${options.port}`, ...options.headers });
  const bytes = Buffer.from(
    `GET ${options.path} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  );
  const began = performance.now();
  const one = async (): Promise<void> => {
    const socket = connect(options.port, '127.0.0.1').setNoDelay(true);
    const answers = new Answers(socket);
    while (left > 0) {
      left -= 1;
      const sent = performance.now();
      socket.write(bytes);
      const { status, body } = await answers.next();
      values.push(performance.now() - sent);
      if (!options.right(status, body)) errors += 1;
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: options.connections }, one));
  return { values, rate: options.requests / ((performance.now() - began) / 1000), errors };
}

/** Cuts answers with a `content-length` out of a connection. */
class Answers {
  private held = Buffer.alloc(0);
  private waiting: { done: (answer: { status: number; body: string }) => void; failed: (error: Error) => void } | null =
    null;

  constructor(socket: Socket) {
    socket.on('data', (data) => {
      this.held = this.held.length === 0 ? data : Buffer.concat([this.held, data]);
      this.look();
    });
    socket.on('error', (error) => this.waiting?.failed(error));
    socket.on('close', () => this.waiting?.failed(new Error('the connection was closed')));
  }

  next(): Promise<{ status: number; body: string }> {
    return new Promise((done, failed) => {
      this.waiting = { done, failed };
    });
  }

  private look(): void {
    const end = this.held.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.held.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) {
      this.waiting?.failed(new Error(`an answer without a length:\n${head}`));
      return;
    }
    if (this.held.length < end + 4 + length) return;
    const body = this.held.toString('utf8', end + 4, end + 4 + length);
    this.held = this.held.subarray(end + 4 + length);
    const { waiting } = this;
    this.waiting = null;
    waiting?.done({ status: Number(head.slice(9, 12)), body });
  }
}
