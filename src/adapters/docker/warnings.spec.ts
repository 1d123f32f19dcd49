import type { Connection } from './connection.js';
import { warningsOf } from './warnings.js';

describe('what weakens isolation on an engine', () => {
  const here = { encrypted: true, local: true } as Connection;
  const strong = { SecurityOptions: ['name=seccomp,profile=default', 'name=userns'] };
  const about = (info: object, engine: Connection = here): readonly string[] => warningsOf(info, engine);

  it('nothing, where there is nothing to say', () => {
    expect(about(strong)).toEqual([]);
    expect(about({ SecurityOptions: ['name=seccomp,profile=default', 'name=rootless'] })).toEqual([]);
  });

  it('that root in a container is root on the host, unless users are mapped', () => {
    for (const SecurityOptions of [
      undefined,
      [],
      ['name=seccomp,profile=default'],
      ['name=apparmor', 'name=seccomp'],
    ]) {
      expect(about({ SecurityOptions }).join()).toContain('The engine uses no user namespaces');
    }
  });

  it('that system calls are not filtered, that limits are not to be had', () => {
    expect(about({ SecurityOptions: ['name=userns'] })).toEqual([
      'The engine filters no system calls (seccomp is off).',
    ]);
    const limits = { MemoryLimit: false, SwapLimit: false, CpuCfsQuota: false, PidsLimit: false };
    expect(about({ ...strong, ...limits })).toHaveLength(4);
  });

  it('that the way to it is open, or long', () => {
    const far = about(strong, { encrypted: false, local: false } as Connection);
    expect(far.map((one) => one.slice(0, 45))).toEqual([
      'The connection to the engine is not encrypted',
      'The engine is on another machine: what listen',
    ]);
  });
});
