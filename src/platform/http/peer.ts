import type { RawData, WebSocket } from 'ws';

/** Bytes that may wait for a slow reader before the socket is closed. */
const mostBuffered = 4 * 1024 * 1024;
/** Frames and bytes that may arrive before anybody listens. */
const mostEarly = { frames: 64, bytes: 1024 * 1024 };

export interface Frame {
  readonly data: Buffer;
  readonly binary: boolean;
  /** The frame as text. */
  text(): string;
}
export type FrameListener = (frame: Frame) => void;

/**
 * One WebSocket client. Frames that arrive before `onFrame` are kept and replayed in order; a reader that lets more
 * than 4 MiB pile up is closed with 1013. Sending to a closed socket does nothing.
 */
export class Peer {
  private listener: FrameListener | null = null;
  private early: Frame[] = [];
  private earlyBytes = 0;
  private readonly ended = new AbortController();

  constructor(private readonly socket: WebSocket) {
    socket.on('message', (data, binary) => this.receive(frameOf(data, binary)));
    socket.on('error', () => undefined); // 'close' follows, and says all there is to say
    socket.once('close', () => this.ended.abort());
  }

  /** Fires when the socket is closed, for whatever reason. */
  get gone(): AbortSignal {
    return this.ended.signal;
  }

  /** Bytes waiting for this reader. */
  get buffered(): number {
    return this.socket.bufferedAmount;
  }

  /** Hears every frame, the ones that came early first. One listener; a later call replaces it. */
  onFrame(listener: FrameListener): void {
    this.listener = listener;
    const waiting = this.early;
    this.early = [];
    this.earlyBytes = 0;
    for (const frame of waiting) this.receive(frame);
  }

  /** The next frame alone; the ones behind it wait for `onFrame`. */
  nextFrame(): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const waiting = this.early.shift();
      if (waiting) {
        this.earlyBytes -= waiting.data.length;
        resolve(waiting);
        return;
      }
      this.gone.addEventListener('abort', () => reject(new Error('the socket was closed')), { once: true });
      this.listener = (frame) => {
        this.listener = null;
        resolve(frame);
      };
    });
  }

  /** Text for a string, a binary frame for bytes. False when the client is gone or too slow. */
  send(data: string | Buffer): boolean {
    if (this.socket.readyState !== this.socket.OPEN) return false;
    this.socket.send(data);
    if (this.socket.bufferedAmount <= mostBuffered) return true;
    this.close(1013, 'too slow');
    return false;
  }

  /** As `send`, for a reader that may be slow: resolves when there is room for more, with false when nobody reads any more. */
  deliver(data: string | Buffer): Promise<boolean> {
    if (this.socket.readyState !== this.socket.OPEN) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.socket.send(data, (error) => resolve(!error));
    });
  }

  /** No more frames until `resume`: whoever takes them is full. */
  hold(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  sendJson(value: unknown): boolean {
    return this.send(JSON.stringify(value));
  }

  /** Closes politely, and for good when the client does not answer within 2 s. */
  close(code = 1000, reason = ''): void {
    this.socket.close(code, shorten(reason));
    const late = setTimeout(() => this.socket.terminate(), 2000);
    late.unref();
    this.gone.addEventListener('abort', () => clearTimeout(late), { once: true });
  }

  private receive(frame: Frame): void {
    if (this.listener) {
      this.listener(frame);
      return;
    }
    this.early.push(frame);
    this.earlyBytes += frame.data.length;
    if (this.early.length > mostEarly.frames || this.earlyBytes > mostEarly.bytes) this.close(1008, 'too early');
  }
}

/** A close reason holds at most 123 bytes. */
const shorten = (reason: string): string =>
  Buffer.from(reason)
    .subarray(0, 120)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');

function frameOf(raw: RawData, binary: boolean): Frame {
  const data = Array.isArray(raw) ? Buffer.concat(raw) : Buffer.isBuffer(raw) ? raw : Buffer.from(raw);
  return { data, binary, text: () => data.toString('utf8') };
}
