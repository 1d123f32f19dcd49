import type { EngineEvent } from './engine.port.js';

/** How long after a signal from outside an end is put down to it: `docker stop` gives ten seconds before it kills. */
const signalHoldsMs = 30_000;

/** Remembers who ended a container: we, somebody at the engine (`docker stop`, `docker kill`), or nobody knows. */
export class Signals {
  /** Last signal from outside, by instance. */
  private readonly outside = new Map<string, number>();
  /** Instances we are stopping: their `kill` events are ours. */
  private readonly ours = new Set<string>();
  /** Instances that ended while nobody watched: after an engine restart or a reboot they come back. */
  private readonly unseen = new Set<string>();

  note(event: EngineEvent, now: Date): void {
    const { action, instanceId } = event;
    // The engine tells again what was missed, an earlier start and the signals of the end among it: no news, and nobody's doing.
    if (this.unseen.has(instanceId)) return;
    if (action === 'start') this.forget(instanceId);
    const signalled = action === 'kill' || action === 'stop';
    if (signalled && !this.ours.has(instanceId)) this.outside.set(instanceId, now.getTime());
  }

  /** A list after a gap in the events shows that it does not run any more. */
  endedUnseen(instanceId: string): void {
    this.unseen.add(instanceId);
  }

  hasEndedUnseen(instanceId: string): boolean {
    return this.unseen.has(instanceId);
  }

  /** Did somebody end it on purpose, directly at the engine, before our eyes? */
  fromOutside(instanceId: string, now: Date): boolean {
    const at = this.outside.get(instanceId);
    return at !== undefined && now.getTime() - at <= signalHoldsMs && !this.unseen.has(instanceId);
  }

  /** While `work` runs, signals to this instance are ours. */
  async duringOurs<T>(instanceId: string, work: () => Promise<T>): Promise<T> {
    this.ours.add(instanceId);
    try {
      return await work();
    } finally {
      this.ours.delete(instanceId);
    }
  }

  forget(instanceId: string): void {
    this.outside.delete(instanceId);
    this.unseen.delete(instanceId);
  }
}
