import { call } from './api';

export type LiveState = 'connecting' | 'live' | 'waiting';
export interface LiveMessage {
  readonly type: string;
  readonly id?: string;
  readonly agent_name?: string;
  readonly status?: string;
  readonly reason?: string | null;
  readonly data?: Readonly<Record<string, unknown>>;
}
export interface LiveHandlers {
  onState(state: LiveState): void;
  /** Each (re)connection: what was missed may be read now. */
  onOpen(): void;
  onMessage(message: LiveMessage): void;
}

/** Milliseconds: waits between tries grow from the first to the last. */
const firstWait = 500;
const lastWait = 10_000;
/** A silent connection is asked whether it lives, and given up without an answer. */
const askAfter = 25_000;
const patience = 10_000;

/** The server's events over one WebSocket that comes back by itself, from the last event on that was seen. */
export class LiveEvents {
  private socket: WebSocket | null = null;
  private lastId: string | null = null;
  private wait = firstWait;
  private retry: number | null = null;
  private pulse = 0;
  private ended = false;

  constructor(private readonly handlers: LiveHandlers) {
    addEventListener('online', this.hurry);
    document.addEventListener('visibilitychange', this.hurry);
    void this.connect();
  }

  close(): void {
    this.ended = true;
    if (this.retry !== null) clearTimeout(this.retry);
    clearTimeout(this.pulse);
    removeEventListener('online', this.hurry);
    document.removeEventListener('visibilitychange', this.hurry);
    this.socket?.close();
  }

  private async connect(): Promise<void> {
    this.retry = null;
    this.handlers.onState('connecting');
    try {
      const { ticket } = await call<{ ticket: string }>('POST', '/api/ws/ticket');
      if (!this.ended) this.open(ticket);
    } catch {
      if (!this.ended) this.later();
    }
  }

  private open(ticket: string): void {
    const query = new URLSearchParams({ ticket, ...(this.lastId === null ? {} : { 'last-event-id': this.lastId }) });
    const own = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws?${query.toString()}`);
    this.socket = own;
    own.addEventListener('open', () => {
      this.wait = firstWait;
      this.handlers.onState('live');
      this.handlers.onOpen();
      this.listenFor(own);
    });
    own.addEventListener('message', ({ data }) => {
      this.listenFor(own);
      this.take(JSON.parse(String(data)) as LiveMessage);
    });
    own.addEventListener('close', () => {
      if (this.socket === own) this.lost();
    });
  }

  private take(message: LiveMessage): void {
    if (message.type === 'resync_required') this.lastId = null;
    else if (message.id !== undefined) this.lastId = message.id;
    if (message.type !== 'pong') this.handlers.onMessage(message);
  }

  private listenFor(own: WebSocket): void {
    clearTimeout(this.pulse);
    this.pulse = window.setTimeout(() => {
      own.send('{"type":"ping"}');
      // A dead connection may take minutes to close: do not wait for that.
      this.pulse = window.setTimeout(() => {
        own.close();
        if (this.socket === own) this.lost();
      }, patience);
    }, askAfter);
  }

  private lost(): void {
    this.socket = null;
    clearTimeout(this.pulse);
    if (!this.ended) this.later();
  }

  private later(): void {
    this.handlers.onState('waiting');
    this.retry = window.setTimeout(() => void this.connect(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, lastWait);
  }

  /** The network or the reader is back: no reason to wait. */
  private readonly hurry = (): void => {
    if (this.retry === null || document.hidden) return;
    clearTimeout(this.retry);
    void this.connect();
  };
}
