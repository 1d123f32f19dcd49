import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import type { Clock } from '../clock.port.js';
import type { FleetEvent, FleetEvents, FleetListener } from '../events/fleet-events.js';
import type { History } from './history.service.js';
import { SessionStreams } from './session-streams.js';
import { SessionWatch, type WatchItem } from './session-watch.service.js';
import type { Session } from './session.entity.js';

const agent = { id: 'agent' } as Agent;
const who = { userId: 'ada' } as Principal;
const sessionCalled = (id: string): Session => ({ id, eventSeq: 0 }) as Session;

/** A watcher of the caller's running conversation, whose database counts what it is asked. */
function watching() {
  const listeners = new Set<FleetListener>();
  const events = { subscribe: (one: FleetListener) => (listeners.add(one), () => listeners.delete(one)) };
  const asked = { live: 0, events: 0 };
  const timers: (() => void)[] = [];
  let current: Session | null = sessionCalled('one');
  const history = {
    live: () => ((asked.live += 1), Promise.resolve(current)),
    events: () => ((asked.events += 1), Promise.resolve([])),
  };
  const clock = { after: (_ms: number, work: () => void) => (timers.push(work), () => undefined) };
  const streams = new SessionStreams(events as unknown as FleetEvents);
  const over = new AbortController();
  const watch = new SessionWatch(
    history as unknown as History,
    streams,
    events as unknown as FleetEvents,
    clock as unknown as Clock,
  );
  const items = watch.follow(who, agent, { session: null, since: null, follow: true, signal: over.signal });
  return {
    asked,
    next: async (): Promise<WatchItem | undefined> => (await items.next()).value ?? undefined,
    say: (sessionId: string, charOffset: number) =>
      streams.delta({ sessionId, messageId: 'm', charOffset, text: '.', thought: false }),
    happens: (type: string) => {
      for (const one of listeners) one([{ type, agentId: agent.id, data: {} } as unknown as FleetEvent]);
    },
    moveTo: (id: string) => (current = sessionCalled(id)),
    passTime: () => {
      for (const work of timers.splice(0)) work();
    },
    end: () => over.abort(),
  };
}

/** What has to be done by then is done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('watching a conversation', () => {
  it('asks the database nothing for pieces of text', async () => {
    const { next, say, asked, end } = watching();
    expect(await next()).toMatchObject({ type: 'session', session: { id: 'one' } });
    let coming = next();
    await settled();
    const before = { ...asked };
    for (let piece = 0; piece < 100; piece += 1) {
      say('one', piece);
      expect(await coming).toMatchObject({ type: 'delta', delta: { charOffset: piece } });
      coming = next();
    }
    expect(asked.live - before.live).toBeLessThanOrEqual(1);
    expect(asked.events - before.events).toBeLessThanOrEqual(1);
    end();
    expect(await coming).toBeUndefined();
  });

  it.each([
    ['when something happens to the agent', ({ happens }: ReturnType<typeof watching>) => happens('session.created')],
    ['after a while in which nothing was said', ({ passTime }: ReturnType<typeof watching>) => passTime()],
  ])('goes over to another conversation %s', async (_when, strike) => {
    const watched = watching();
    const { next, say, moveTo, end } = watched;
    await next();
    let coming = next();
    await settled();
    say('one', 0);
    await coming;
    coming = next();
    await settled();
    moveTo('two');
    strike(watched);
    await settled();
    expect(await coming).toMatchObject({ type: 'session', session: { id: 'two' } });
    end();
  });

  it('goes over to another conversation also when that is told while pieces come', async () => {
    const { next, say, moveTo, happens, end } = watching();
    await next();
    const coming = next();
    await settled();
    say('one', 0);
    say('one', 1);
    expect(await coming).toMatchObject({ type: 'delta' });
    moveTo('two');
    happens('session.created');
    const seen: (string | undefined)[] = [];
    for (let item = 0; item < 3 && !seen.includes('session'); item += 1) seen.push((await next())?.type);
    expect(seen).toContain('session');
    end();
  });
});
