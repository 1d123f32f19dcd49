import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { Audit } from '../audit/audit.service.js';
import { Settings } from './settings.service.js';

describe('settings and audit', () => {
  let database: TestDatabase;
  let settings: Settings;
  beforeAll(async () => {
    database = await openTestDatabase();
    settings = new Settings(database.db);
  });
  afterAll(() => database.close());

  it('keeps texts and JSON', async () => {
    expect(await settings.get('colour')).toBeNull();
    await settings.set('colour', 'blue "and" green');
    await settings.set('limits.cpu', { max: 4, names: ['a', null] });
    await settings.set('colour', 'red');
    expect(await settings.get('colour')).toBe('red');
    expect(await settings.get('limits.cpu')).toBeNull();
    expect(await settings.getJson('limits.cpu')).toEqual({ max: 4, names: ['a', null] });
    expect([...(await settings.list('limits.'))]).toEqual([['limits.cpu', { max: 4, names: ['a', null] }]]);
  });

  it('forgets, and says whether there was something', async () => {
    await settings.set('gone', true);
    expect([await settings.delete('gone'), await settings.delete('gone')]).toEqual([true, false]);
    expect(await settings.getJson('gone')).toBeNull();
  });

  it('sets with the unit of work, or not at all', async () => {
    const work = database.db.run(async (tx) => {
      await settings.setIn(tx, 'half', 1);
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(await settings.getJson('half')).toBeNull();
  });

  it('records who did what together with the change', async () => {
    const audit = new Audit(new ManualClock('2026-01-01T00:00:00Z'));
    await database.db.run((tx) =>
      audit.record(tx, {
        who: null,
        action: 'user.signed_in',
        object: 'user:x',
        result: 'refused',
        data: { tries: 2 },
      }),
    );
    expect(await database.db.query('select principal, via, action, object, result, data, at from audit')).toEqual([
      {
        principal: 'nobody',
        via: 'none',
        action: 'user.signed_in',
        object: 'user:x',
        result: 'refused',
        data: { tries: 2 },
        at: new Date('2026-01-01T00:00:00Z'),
      },
    ]);
  });
});
