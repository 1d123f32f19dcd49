import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import type { Clock } from '../clock.port.js';
import type { FleetEvent, FleetEvents, FleetListener } from '../events/fleet-events.js';
import type { History } from './history.service.js';
import { SessionStreams } from './session-streams.js';
import { SessionWatch, type WatchItem } from './session-watch.service.js';
import type { Session } from './session.entity.js';

describe('following a conversation', () => {
  const gone = new AbortController();
  let now: number;
  let timers: (() => void)[];
  let asked: { live: number; events: number };
  let live: Session | null;
  let listener: FleetListener;
  let streams: SessionStreams;
  let items: AsyncGenerator<WatchItem, void, undefined>;

  beforeEach(() => {
    now = 1_000_000;
    timers = [];
    asked = { live: 0, events: 0 };
    live = { id: 's', eventSeq: 0 } as Session;
    const clock = {
      now: () => new Date(now),
      after: (_ms: number, run: () => void) => {
        timers.push(run);
        return () => (timers = timers.filter((one) => one !== run));
      },
    } as unknown as Clock;
    const history = {
      live: () => {
        asked.live += 1;
        return Promise.resolve(live);
      },
      events: () => {
        asked.events += 1;
        return Promise.resolve([]);
      },
    } as unknown as History;
    const events = { subscribe: (one: FleetListener) => ((listener = one), () => undefined) } as unknown as FleetEvents;
    streams = new SessionStreams(events);
    const agent = { id: 'a' } as Agent;
    items = new SessionWatch(history, streams, events, clock).follow({} as Principal, agent, {
      session: null,
      since: null,
      follow: true,
      signal: gone.signal,
    });
  });

  const say = (text: string, charOffset: number): void =>
    streams.delta({ sessionId: 's', messageId: 'm', charOffset, text, thought: false });
  const waiting = async (): Promise<void> => {
    while (timers.length === 0) await new Promise(setImmediate);
  };
  const pass = async (ms: number): Promise<void> => {
    await waiting();
    now += ms;
    for (const run of timers.splice(0)) run();
  };
  /** The next item, said while the watcher waits. */
  async function heard(text: string, charOffset: number): Promise<unknown> {
    const next = items.next();
    await waiting();
    say(text, charOffset);
    const { value } = await next;
    return value;
  }

  it('hands out each piece of a text once, as it comes, and asks the database nothing for it', async () => {
    expect((await items.next()).value).toMatchObject({ type: 'session', from: 0 });
    for (let n = 0; n < 50; n += 1) {
      expect(await heard('x', n)).toMatchObject({ type: 'delta', delta: { text: 'x', charOffset: n } });
      now += 20;
    }
    expect(asked).toEqual({ live: 1, events: 1 });
  });

  it('looks for another conversation also while text flows', async () => {
    await items.next();
    expect(await heard('x', 0)).toMatchObject({ type: 'delta' });
    now += 2000;
    live = { id: 'other', eventSeq: 0 } as Session;
    expect(await heard('y', 1)).toMatchObject({ type: 'session', session: { id: 'other' } });
    expect(asked.live).toBe(2);
  });

  it('looks for another conversation when something happens to the agent', async () => {
    await items.next();
    expect(await heard('x', 0)).toMatchObject({ type: 'delta' });
    const next = items.next();
    await waiting();
    live = { id: 'other', eventSeq: 0 } as Session;
    listener([{ type: 'session.created', agentId: 'a', data: {} } as unknown as FleetEvent]);
    expect((await next).value).toMatchObject({ type: 'session', session: { id: 'other' } });
  });

  it('looks every two seconds while nothing happens, and says so now and then', async () => {
    await items.next();
    const next = items.next();
    for (let n = 1; n < 7; n += 1) {
      await waiting();
      expect(asked).toEqual({ live: n, events: n });
      await pass(2000);
    }
    expect((await next).value).toEqual({ type: 'idle' });
  });
});
