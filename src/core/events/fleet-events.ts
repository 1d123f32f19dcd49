/** One announced change, as it is published after commit. Ids grow; gaps are possible. */
export interface FleetEvent {
  readonly id: number;
  readonly type: string;
  readonly orgId: string;
  readonly agentId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

export type FleetListener = (events: readonly FleetEvent[]) => void;

/** Where published fleet events are heard. A listener tolerates a repeat and must not throw. Implemented by the outbox relay. */
export abstract class FleetEvents {
  /** Hears everything published from now on, in order of id. Returns the function that stops it. */
  abstract subscribe(listener: FleetListener): () => void;
  /** Published events after `afterId`, oldest first, or null when some of them are already gone. */
  abstract replay(afterId: number, limit?: number): Promise<readonly FleetEvent[] | null>;
  /** Id of the newest published event; 0 when there is none. */
  abstract newest(): Promise<number>;
}
