import type { EngineEvent } from './engine.port.js';
import { Signals } from './signals.js';

const event = (action: EngineEvent['action']): EngineEvent => ({
  action,
  instanceId: 'i',
  ref: 'c',
  exitCode: null,
  at: '1',
});

describe('who ended a container', () => {
  const now = new Date('2026-03-01T12:00:00Z');
  const later = new Date('2026-03-01T12:00:31Z');

  it('somebody at the engine, for as long as the signal holds', () => {
    const signals = new Signals();
    signals.note(event('kill'), now);
    expect([signals.fromOutside('i', now), signals.fromOutside('i', later)]).toEqual([true, false]);
    signals.note(event('start'), now);
    expect(signals.fromOutside('i', now)).toBe(false);
  });

  it('we, while we do', async () => {
    const signals = new Signals();
    await signals.duringOurs('i', () => Promise.resolve(signals.note(event('kill'), now)));
    expect(signals.fromOutside('i', now)).toBe(false);
  });

  it('nobody knows, when it was found ended after a gap: what the engine tells again afterwards is no news', () => {
    const signals = new Signals();
    signals.endedUnseen('i');
    for (const action of ['start', 'kill', 'die', 'stop'] as const) signals.note(event(action), now);
    expect([signals.hasEndedUnseen('i'), signals.fromOutside('i', now)]).toEqual([true, false]);
    signals.forget('i'); // it runs again
    signals.note(event('kill'), now);
    expect([signals.hasEndedUnseen('i'), signals.fromOutside('i', now)]).toEqual([false, true]);
  });
});
