import { ManualClock } from '../../../test/support/manual-clock.js';
import type { Agent } from '../agents/agent.entity.js';
import { AgentReach } from './agent-reach.service.js';
import { ChannelError, type Channels } from './channel.port.js';
import type { EngineWatch } from './engine-watch.service.js';
import { Instance } from './instance.entity.js';
import type { InstancesService } from './instances.service.js';

describe('whether an agent is there', () => {
  const agent = { id: 'a' } as Agent;
  const instance = Object.assign(new Instance(), {
    id: 'i',
    state: 'running',
    desired: 'running',
    ref: 'r',
    boot: 'b',
  });
  const engine = { connected: true };
  let clock: ManualClock;
  let pings: number;
  let ping: () => Promise<void>;
  let reach: AgentReach;
  beforeEach(() => {
    [clock, pings, ping, engine.connected] = [new ManualClock(), 0, () => Promise.resolve(), true];
    const channel = {
      ping: (): Promise<void> => {
        pings += 1;
        return ping();
      },
    };
    const channels = { of: () => Promise.resolve(channel) } as unknown as Channels;
    const instances = { findOf: () => Promise.resolve(instance) } as unknown as InstancesService;
    reach = new AgentReach(instances, channels, engine as EngineWatch, clock);
  });
  const never = (): Promise<never> => new Promise(() => undefined);
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('one that says nothing for ten seconds is unreachable, for callers and for lookers', async () => {
    ping = never;
    const asked = reach.require(agent);
    await settled();
    clock.advance(9999);
    await settled();
    expect(reach.answers(instance)).toBe(true);
    clock.advance(1);
    await expect(asked).rejects.toMatchObject({ code: 'agent_unreachable' });
    expect(reach.answers(instance)).toBe(false);
  });

  it('lookers never wait: they see what was said last, and have it asked anew beside', async () => {
    ping = () => Promise.reject(new ChannelError('timeout', 'late'));
    expect(reach.answers(instance)).toBe(true);
    await settled();
    expect([reach.answers(instance), reach.answers(instance), pings]).toEqual([false, false, 1]);
    ping = () => Promise.resolve();
    clock.advance(5000);
    expect(reach.answers(instance)).toBe(false);
    await settled();
    expect([reach.answers(instance), pings]).toEqual([true, 2]);
  });

  it('asks once at a time, however many look', async () => {
    ping = never;
    for (let look = 0; look < 5; look += 1) reach.answers(instance);
    await settled();
    clock.advance(6000);
    reach.answers(instance);
    await settled();
    expect(pings).toBe(1);
  });

  it('another run is another matter, and a channel that was closed says nothing', async () => {
    ping = () => Promise.reject(new ChannelError('timeout', 'late'));
    await reach.require(agent).catch(() => undefined);
    expect(reach.answers(Object.assign(new Instance(), instance, { boot: 'c' }))).toBe(true);
    ping = () => Promise.reject(new ChannelError('closed', 'gone'));
    await settled();
    expect(reach.answers(Object.assign(new Instance(), instance, { boot: 'd' }))).toBe(true);
    await settled();
    expect(reach.answers(Object.assign(new Instance(), instance, { boot: 'd' }))).toBe(true);
  });

  it('nobody is reached while the engine is away', () => {
    engine.connected = false;
    expect(reach.answers(instance)).toBe(false);
    expect(pings).toBe(0);
  });
});
