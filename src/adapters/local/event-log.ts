import { EventEmitter, once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { EngineEvent, EngineSignal } from '../../core/instances/engine.port.js';

const kept = 1000;

/** What happened to instances, kept in a small file so that `since` works over a restart of the control plane. */
export class EventLog {
  private readonly events: EngineEvent[];
  private readonly news = new EventEmitter().setMaxListeners(0);

  constructor(private readonly file: string) {
    this.events = existsSync(file) ? readFileSync(file, 'utf8').split('\n').flatMap(parse).slice(-kept) : [];
  }

  add(
    instance: { readonly instanceId: string; readonly ref: string },
    action: EngineEvent['action'],
    exitCode: number | null = null,
  ): void {
    const last = BigInt(this.events.at(-1)?.at ?? 0);
    const now = BigInt(Date.now()) * 1_000_000n;
    const at = String(now > last ? now : last + 1n);
    const event: EngineEvent = { instanceId: instance.instanceId, ref: instance.ref, action, exitCode, at };
    this.events.push(event);
    this.persist(event);
    this.news.emit('event', event);
  }

  /** `connected`, then what happened after `since`, then what happens. */
  async *follow(since: string | undefined, signal: AbortSignal): AsyncIterable<EngineSignal> {
    if (signal.aborted) return;
    const queue = since === undefined ? [] : this.events.filter((event) => BigInt(event.at) > BigInt(since));
    const take = (event: EngineEvent): void => void queue.push(event);
    this.news.on('event', take);
    try {
      yield { kind: 'connected' };
      for (;;) {
        if (isAborted(signal)) return;
        const event = queue.shift();
        if (event) yield { kind: 'event', event };
        else await once(this.news, 'event', { signal }).catch(() => undefined);
      }
    } finally {
      this.news.off('event', take);
    }
  }

  /** A full disk loses the history, never the event itself. */
  private persist(event: EngineEvent): void {
    try {
      if (this.events.length < 2 * kept) {
        appendFileSync(this.file, `${JSON.stringify(event)}\n`);
        return;
      }
      this.events.splice(0, this.events.length - kept);
      writeFileSync(`${this.file}.new`, this.events.map((one) => `${JSON.stringify(one)}\n`).join(''));
      renameSync(`${this.file}.new`, this.file);
    } catch {
      return;
    }
  }
}

/** A line that a crash cut short is left out. */
function parse(line: string): EngineEvent[] {
  try {
    return [JSON.parse(line) as EngineEvent];
  } catch {
    return [];
  }
}

/** Asked anew each time: it changes while we wait. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
