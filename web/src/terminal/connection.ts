import { agentPath } from '../lib/api';
import { readToken } from '../lib/token';

export type TerminalState =
  { readonly is: 'connecting' | 'open' } | { readonly is: 'ended'; readonly why: string; readonly failed: boolean };
interface Handlers {
  onState(state: TerminalState): void;
  onOutput(bytes: Uint8Array): void;
}
export interface Size {
  readonly cols: number;
  readonly rows: number;
}

/** Close codes of the server that need no words of its own. */
const sentences: Readonly<Record<number, string>> = {
  1000: 'The shell has ended.',
  4001: 'Your sign-in is not valid any more. Sign out and in again.',
  4002: 'You have a terminal in this agent already. Close that one first.',
  4003: 'You may not use a terminal in this agent, or not any more.',
};
const taken = 4002;
/** The terminal one just left (a reload, another tab) needs a moment to end. */
const tries = 6;
const wait = 1000;
/** Bytes of one message: a long paste stays below what the server takes at once. */
const piece = 32_768;
const encoder = new TextEncoder();

/** A shell in an agent over one WebSocket. What ended stays so: the reader decides to start another. */
export class TerminalConnection {
  private socket: WebSocket | null = null;
  private retry = 0;
  private isOpen = false;
  private ended = false;
  private told: string | null = null;

  constructor(
    private readonly name: string,
    private size: Size,
    private readonly handlers: Handlers,
  ) {
    handlers.onState({ is: 'connecting' });
    this.connect(tries);
  }

  close(): void {
    this.ended = true;
    clearTimeout(this.retry);
    this.socket?.close();
  }

  /** As bytes: text could look like a message of the connection itself. */
  type(text: string): void {
    this.send(encoder.encode(text));
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.isOpen) return;
    for (let at = 0; at < bytes.length; at += piece) this.socket?.send(bytes.slice(at, at + piece));
  }

  resize({ cols, rows }: Size): void {
    this.size = { cols, rows };
    if (this.isOpen) this.socket?.send(JSON.stringify({ type: 'resize', cols, rows }));
  }

  private connect(left: number): void {
    const own = new WebSocket(
      `${location.origin.replace(/^http/, 'ws')}${agentPath(this.name, '/terminal?mode=bash')}`,
    );
    own.binaryType = 'arraybuffer';
    this.socket = own;
    own.addEventListener('open', () => own.send(JSON.stringify({ type: 'auth', token: readToken() })));
    own.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (this.ended) return;
      if (typeof data === 'string') this.take(JSON.parse(data) as { type?: string; message?: string });
      else this.output(data);
    });
    own.addEventListener('close', ({ code }) => {
      this.isOpen = false;
      if (this.ended) return;
      if (code === taken && left > 1) this.retry = window.setTimeout(() => this.connect(left - 1), wait);
      else this.end(code);
    });
  }

  private end(code: number): void {
    const why = sentences[code] ?? this.told ?? 'The connection was lost.';
    this.handlers.onState({ is: 'ended', why, failed: code !== 1000 });
  }

  private take({ type, message }: { type?: string; message?: string }): void {
    if (type === 'error') this.told = message ?? null;
    if (type !== 'auth_success') return;
    this.isOpen = true;
    this.resize(this.size);
  }

  private output(data: ArrayBuffer): void {
    // Only now there is a shell: after the sign-in it could still be refused.
    this.handlers.onState({ is: 'open' });
    this.handlers.onOutput(new Uint8Array(data));
  }
}
