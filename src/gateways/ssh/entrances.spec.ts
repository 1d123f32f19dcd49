import { ManualClock } from '../../../test/support/manual-clock.js';
import { Entrances } from './entrances.js';

const minute = 60_000;

describe('entrances', () => {
  let clock: ManualClock;
  let entrances: Entrances;
  beforeEach(() => {
    clock = new ManualClock();
    entrances = new Entrances(clock);
  });

  const enter = (address = '10.0.0.1') => {
    const entrance = entrances.enter(address);
    if (!entrance) throw new Error(`${address} was not let in`);
    return entrance;
  };
  const known = (count: number, address?: string) =>
    Array.from({ length: count }, () => {
      const entrance = enter(address);
      entrance.signedIn();
      return entrance;
    });
  const fail = (count: number, address?: string): void => {
    for (let time = 0; time < count; time += 1) enter(address).leave();
  };

  it('take 20 of one address that have not signed in yet', () => {
    const waiting = Array.from({ length: 20 }, () => enter());
    expect(entrances.enter('10.0.0.1')).toBeNull();
    enter('10.0.0.2').leave();
    waiting[0]?.signedIn();
    expect(entrances.enter('10.0.0.1')).not.toBeNull();
  });

  it('take 100 of one address, and 500 in all', () => {
    const [first] = known(100);
    expect(entrances.enter('10.0.0.1')).toBeNull();
    for (const last of [2, 3, 4, 5]) known(100, `10.0.0.${last}`);
    expect(entrances.enter('10.0.0.6')).toBeNull();
    first?.leave();
    first?.leave(); // a second time frees no second place
    enter('10.0.0.6');
    expect(entrances.enter('10.0.0.7')).toBeNull();
  });

  it('let an address wait after 30 ends without a sign-in, until five minutes after the first', () => {
    fail(29);
    clock.advance(4 * minute);
    fail(1);
    expect(entrances.enter('10.0.0.1')).toBeNull();
    expect(entrances.enter('10.0.0.2')).not.toBeNull();
    clock.advance(minute);
    fail(29);
    enter();
  });

  it('hold nothing against whoever signed in', () => {
    for (const entrance of [...known(40), ...known(40)]) entrance.leave();
    enter();
  });

  it('forget addresses whose time is over', () => {
    for (let last = 0; last < 50; last += 1) fail(1, `10.0.1.${last}`);
    clock.advance(5 * minute);
    fail(1, '10.0.2.1');
    expect(Reflect.get(entrances, 'failed')).toHaveProperty('size', 1);
  });
});
