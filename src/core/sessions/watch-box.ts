import type { Clock } from '../clock.port.js';
import type { SessionEvent } from './session-event.entity.js';
import type { SessionStreams, StreamItem } from './session-streams.js';

/** Items that may wait for a slow reader; what does not fit is read from the database later. */
const mostWaiting = 500;

/** What waits for one watcher of a conversation, and its place in it. */
export class WatchBox {
  sessionId: string | null = null;
  /** Number of the event that was handed out last. */
  seq = 0;
  /** Something was left out: the database has it. */
  behind = false;
  attached = false;
  private waiting: StreamItem[] = [];
  private textLost = true;
  private leave: () => void = () => undefined;
  private wake: () => void = () => undefined;
  private woken = false;
  /** Which conversation it is may have changed. */
  private due = true;
  private lookedAt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
  ) {}

  attach(streams: SessionStreams, sessionId: string | null, seq: number): void {
    this.detach();
    Object.assign(this, { attached: true, sessionId, seq, behind: true, textLost: true, waiting: [] });
    if (sessionId !== null) this.leave = streams.subscribe(sessionId, (item) => this.receive(item));
  }

  detach(): void {
    this.leave();
    this.leave = () => undefined;
  }

  /** Something happened that may have left events behind. */
  look(): void {
    this.due = true;
    this.behind = true;
    this.rouse();
  }

  /** Whether to ask which conversation it is: after something happened, and every `ms` while text flows. Not for each piece. */
  isDue(ms: number): boolean {
    this.woken = false;
    const now = this.clock.now().getTime();
    if (!this.due && now - this.lookedAt < ms) return false;
    this.due = false;
    this.lookedAt = now;
    return true;
  }

  /** The database is about to be read: what waits is in it, or comes again. */
  caughtUp(): void {
    this.behind = false;
    if (this.waiting.some(({ type }) => type === 'delta')) this.textLost = true;
    this.waiting = [];
  }

  next(): StreamItem | null {
    return this.waiting.shift() ?? null;
  }

  /** Takes an event as the next one. False when it was handed out before, or when others come before it. */
  isNext(event: SessionEvent): boolean {
    if (event.seq > this.seq + 1) this.behind = true;
    if (event.seq !== this.seq + 1) return false;
    this.seq = event.seq;
    return true;
  }

  /** True when text was left out: what waits is dropped, because the whole of it is handed out instead. */
  takeDeltas(): boolean {
    if (!this.textLost) return false;
    this.textLost = false;
    this.waiting = this.waiting.filter(({ type }) => type !== 'delta');
    return true;
  }

  /** Resolves when there is something, or when the watcher is gone; with false after `ms` in which nothing came. */
  async wait(ms: number): Promise<boolean> {
    if (this.woken || this.signal.aborted || this.waiting.length > 0) return true;
    return new Promise<boolean>((resolve) => {
      const finish = (came: boolean): void => {
        cancel();
        this.signal.removeEventListener('abort', gone);
        this.wake = () => undefined;
        resolve(came);
      };
      const gone = (): void => finish(true);
      const cancel = this.clock.after(ms, () => finish(false));
      this.signal.addEventListener('abort', gone, { once: true });
      this.wake = gone;
    });
  }

  private receive(item: StreamItem): void {
    if (item.type === 'ended') return this.look();
    if (this.waiting.length >= mostWaiting) {
      Object.assign(this, { waiting: [], behind: true, textLost: true });
    }
    this.waiting.push(item);
    this.rouse();
  }

  private rouse(): void {
    this.woken = true;
    this.wake();
  }
}
