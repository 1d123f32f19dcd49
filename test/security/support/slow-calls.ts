/** S4: how long an answer may take, milliseconds. */
const bar = 2000;
/** Answers of the agent, and of the engine that makes or ends one: work, with a limit of its own. */
const forWork = 20_000;
const forTurns = 60_000;

const isWork = (name: string): boolean =>
  /^POST \/api\/(v1\/)?agents$|\/(start|stop|restart)$|^DELETE \/api\/(v1\/)?agents\/\{\w+\}$/.test(name);
const isTurn = (name: string): boolean => /^POST .*\/(chat|task|messages)$/.test(name);
export const limitFor = (name: string): number => (isTurn(name) ? forTurns : isWork(name) ? forWork : bar);

interface Timed<C> {
  readonly name: string;
  readonly call: C;
  readonly took: number;
}

/**
 * Calls that took longer than they may. With eight at once on a busy machine a call may have waited for others, so none is
 * judged by that: each is made again alone, and only what is slow every time is slow.
 */
export class SlowCalls<C> {
  private readonly found: Timed<C>[] = [];
  private readonly slowest: Timed<C>[] = [];

  note(name: string, call: C, took: number): void {
    this.slowest.push({ name, call, took });
    this.slowest.sort((a, b) => b.took - a.took).splice(5);
    if (took > limitFor(name)) this.found.push({ name, call, took });
  }

  /** The slowest of all, for people. */
  get told(): string {
    return this.slowest.map(({ name, took }) => `${name} ${Math.round(took)} ms`).join(', ');
  }

  /** Faults by operation, after each was made again, three times at most; `again` answers how long it took. */
  async judged(again: (call: C) => Promise<number>): Promise<ReadonlyMap<string, C>> {
    const slow = new Map<string, C>();
    // One of each operation, the slowest: thousands would be the same fault.
    const worst = new Map(this.found.sort((a, b) => a.took - b.took).map((one) => [one.name, one]));
    for (const { name, call } of worst.values()) {
      const times: number[] = [];
      while (times.length < 3 && !times.some((took) => took <= limitFor(name))) times.push(await again(call));
      if (!times.some((took) => took <= limitFor(name))) {
        slow.set(`${name}: slow, alone as well (${times.map(Math.round).join(', ')} ms)`, call);
      }
    }
    return slow;
  }
}
