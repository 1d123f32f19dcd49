import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../clock.port.js';
import type { FleetEvents } from '../events/fleet-events.js';
import type { ContainerEngine } from './engine.port.js';
import type { RedactedStream } from '../credentials/redactor.js';
import type { GivenValues } from './given-values.js';
import type { InstancesService } from './instances.service.js';

export type LogItem =
  /** What follows begins anew: forget what was shown. */
  | { readonly type: 'start' }
  | { readonly type: 'text'; readonly text: string }
  /** The reader was too slow, and this many characters were left out. */
  | { readonly type: 'skipped'; readonly characters: number }
  /** There is no output at the moment: the container does not run, or the engine does not answer. */
  | { readonly type: 'waiting'; readonly reason: 'stopped' | 'unreachable' }
  | { readonly type: 'idle' };

/** Lines before now that a follower gets. */
export const tailLines = 500;
const keptCharacters = 256 * 1024;
/** A net under lost events, and the pause before an engine that failed is asked again. */
const lookAgainMs = 3000;
const graceMs = 300;
const halted = new Set(['stopped', 'failed', 'removed']);

/** What a source works with. */
export interface LogSurroundings {
  readonly engine: ContainerEngine;
  readonly instances: InstancesService;
  readonly clock: Clock;
  readonly given: GivenValues;
}

/** One stream of an engine, for everybody who follows the output of one agent. It begins anew with each start of the container. */
export class LogSource {
  private readonly listeners = new Set<(item: LogItem) => void>();
  private readonly ended = new AbortController();
  private recent: LogItem[] = [];
  private characters = 0;
  private wake: () => void = () => undefined;
  private endReading: () => void = () => undefined;
  private cleaner: RedactedStream | null = null;

  constructor(
    private readonly agentId: string,
    private readonly surroundings: LogSurroundings,
  ) {}

  /** Hears what is kept of the output at once, and then everything. Answers what ends it. */
  join(listener: (item: LogItem) => void): () => void {
    for (const item of this.recent) listener(item);
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get followers(): number {
    return this.listeners.size;
  }

  end(): void {
    this.ended.abort();
    this.wake();
  }

  async run(events: FleetEvents): Promise<void> {
    const stop = events.subscribe((published) => {
      for (const { type, agentId, data } of published) {
        if (type !== 'instance.state' || agentId !== this.agentId) continue;
        this.wake();
        this.renewCleaner(); // its processes may have been given other values
        // Some engines' streams go on without a container; its last words may still be on their way.
        if (halted.has(String(data['state']))) this.surroundings.clock.after(graceMs, this.endReading);
      }
    });
    let seen: string | null = null;
    while (!this.ended.signal.aborted) {
      const instance = await this.surroundings.instances.findOf(this.agentId).catch(() => null);
      // Every start has a moment of its own; the output of a stopped container is read once.
      const run: string | null = instance?.ref ? `${instance.ref} ${instance.startedAt?.getTime() ?? 0}` : null;
      if (run !== null && run !== seen) seen = (await this.read(instance?.id ?? '', instance?.ref ?? '')) ? run : null;
      else if (seen === null && this.recent.length === 0) this.say({ type: 'waiting', reason: 'stopped' });
      await this.pause();
    }
    stop();
  }

  /** Reads until the container ends. False when the engine failed. */
  private async read(instanceId: string, ref: string): Promise<boolean> {
    const decoder = new StringDecoder('utf8');
    let began = false;
    const begin = (): void => {
      if (!began) this.say({ type: 'start' });
      began = true;
    };
    // There may be no output yet; an engine that fails has said so by then.
    const cancel = this.surroundings.clock.after(graceMs, begin);
    const reading = new AbortController();
    this.endReading = () => reading.abort();
    try {
      const signal = AbortSignal.any([this.ended.signal, reading.signal]);
      for await (const piece of this.surroundings.engine.logs(ref, { tail: tailLines, follow: true, signal })) {
        begin();
        await this.tell(instanceId, decoder.write(piece));
      }
      begin();
      this.renewCleaner();
      this.say({ type: 'waiting', reason: 'stopped' });
      return true;
    } catch {
      this.say({ type: 'waiting', reason: 'unreachable' });
      return false;
    } finally {
      cancel();
      this.endReading = () => undefined;
    }
  }

  private async tell(instanceId: string, text: string): Promise<void> {
    this.cleaner ??= (await this.surroundings.given.redactor(instanceId)).stream();
    const shown = this.cleaner.push(text);
    if (shown !== '') this.say({ type: 'text', text: shown });
  }

  private renewCleaner(): void {
    const rest = this.cleaner?.end() ?? '';
    this.cleaner = null;
    if (rest !== '') this.say({ type: 'text', text: rest });
  }

  private say(item: LogItem): void {
    if (item.type === 'start') {
      this.recent = [];
      this.characters = 0;
    }
    if (this.recent.at(-1)?.type === 'waiting') this.recent.pop();
    this.recent.push(item);
    this.characters += lengthOf(item);
    while (this.characters > keptCharacters && this.recent.length > 2) {
      // The first item says that it begins here; the oldest text behind it goes.
      const [gone] = this.recent.splice(this.recent[0]?.type === 'start' ? 1 : 0, 1);
      this.characters -= gone ? lengthOf(gone) : 0;
    }
    for (const listener of [...this.listeners]) listener(item);
  }

  private async pause(): Promise<void> {
    if (this.ended.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const cancel = this.surroundings.clock.after(lookAgainMs, resolve);
      this.wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

export const lengthOf = (item: LogItem): number => (item.type === 'text' ? item.text.length : 0);
