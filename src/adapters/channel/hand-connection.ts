import { ChannelError } from '../../core/instances/channel.port.js';
import type { ExecHandle } from '../../core/instances/engine.port.js';
import { type Frame, frameParts, FrameReader } from './frames.js';
import { handFault } from './hand-faults.js';

interface Call {
  readonly onPiece: (kind: 'o' | 'e', piece: Buffer) => void;
  readonly done: (payload: Buffer) => void;
  readonly failed: (error: ChannelError) => void;
}

export interface CallOptions {
  /** A silent peer is not waited for: the whole connection is closed. null: wait for ever. Default 20,000. */
  readonly timeoutMs?: number | null;
  readonly onPiece?: Call['onPiece'];
  /** What is asked about, for the error's message. */
  readonly about?: string;
}

const defaultTimeoutMs = 20_000;

/**
 * Frames over the standard streams of one running hand. Nothing it says is trusted: a bad frame, the end of its output
 * or a timeout closes the connection, and every open call fails with `closed`.
 */
export class HandConnection {
  private readonly reader = new FrameReader();
  private readonly calls = new Map<number, Call>();
  private lastId = 0;
  private broken: ChannelError | null = null;
  private complaint = '';

  constructor(private readonly handle: ExecHandle) {
    handle.stdout.on('data', (chunk: Buffer) => this.receive(chunk));
    handle.stderr.on('data', (chunk: Buffer) => (this.complaint = (this.complaint + chunk.toString()).slice(-500)));
    for (const stream of [handle.stdout, handle.stdin, handle.stderr]) {
      stream.on('error', (error: Error) => this.close('broke', error));
    }
    handle.stdout.on('end', () => this.close('ended'));
    handle.stdout.on('close', () => this.close('ended'));
    handle.exited.catch(() => undefined);
  }

  get closed(): boolean {
    return this.broken !== null;
  }

  /** Asks, and gives the payload of the answer. Pieces of output that come before it go to `onPiece`. */
  call(kind: string, payload: readonly Buffer[], options: CallOptions = {}): Promise<Buffer> {
    return this.open(kind, payload, options).answer;
  }

  /** As `call`, with the id by which later requests can speak of this one. */
  open(kind: string, payload: readonly Buffer[], options: CallOptions = {}): { id: number; answer: Promise<Buffer> } {
    const id = (this.lastId = (this.lastId + 1) % 2 ** 32);
    const answer = new Promise<Buffer>((resolve, reject) => {
      if (this.broken) {
        reject(this.broken);
        return;
      }
      const { timeoutMs = defaultTimeoutMs, onPiece = () => undefined, about = 'request' } = options;
      const timer = timeoutMs === null ? undefined : setTimeout(() => this.close('did not answer in time'), timeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.calls.delete(id);
      };
      this.calls.set(id, {
        onPiece,
        done: (result) => {
          settle();
          resolve(result);
        },
        failed: (error) => {
          settle();
          reject(error.fault === 'closed' ? error : new ChannelError(error.fault, `${about}: ${error.message}`));
        },
      });
      const { stdin } = this.handle;
      stdin.cork();
      for (const part of frameParts(id, kind, payload)) stdin.write(part);
      stdin.uncork();
    });
    return { id, answer };
  }

  /** Forgets a call: nothing that still comes for it is delivered. */
  forget(id: number): void {
    this.calls.delete(id);
  }

  close(why = 'was closed', cause?: unknown): void {
    if (this.broken) return;
    const said = this.complaint.trim();
    this.broken = new ChannelError('closed', `the channel ${why}`, { cause: cause ?? (said || undefined) });
    // The end of its input is what ends the hand and all its commands.
    this.handle.stdin.end();
    this.handle.close();
    for (const call of [...this.calls.values()]) call.failed(this.broken);
  }

  private receive(chunk: Buffer): void {
    if (this.broken) return;
    try {
      for (const frame of this.reader.push(chunk)) this.deliver(frame);
    } catch (error) {
      this.close('sent nonsense', error);
    }
  }

  private deliver({ id, kind, payload }: Frame): void {
    const call = this.calls.get(id);
    if (!call) return;
    if (kind === 'o' || kind === 'e') call.onPiece(kind, payload);
    else if (kind === '.') call.done(payload);
    else call.failed(handFault(payload));
  }
}
