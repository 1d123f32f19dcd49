import { Timetable, timetableOf } from './cron.rules.js';

const now = new Date('2026-03-01T12:00:00Z');

/** The next `count` times after `from`. */
function times(expression: string, timezone: string, from: string, count: number): string[] {
  const timetable = new Timetable(expression, timezone);
  const found: string[] = [];
  for (let at: Date | null = new Date(from); found.length < count;) {
    at = timetable.after(at);
    if (!at) break;
    found.push(at.toISOString().slice(0, 16));
  }
  return found;
}

describe('cron expressions', () => {
  it.each([
    ['0 9 * * *', 'UTC', '2026-03-01T12:00:00Z', ['2026-03-02T09:00', '2026-03-03T09:00']],
    ['*/15 * * * *', 'UTC', '2026-03-01T12:00:00Z', ['2026-03-01T12:15', '2026-03-01T12:30']],
    ['0 9 * * 1-5', 'Europe/Berlin', '2026-03-06T12:00:00Z', ['2026-03-09T08:00', '2026-03-10T08:00']],
    ['0 9 * * MON', 'Asia/Kolkata', '2026-03-01T12:00:00Z', ['2026-03-02T03:30']],
    ['0 0 29 2 *', 'UTC', '2026-03-01T12:00:00Z', ['2028-02-29T00:00', '2032-02-29T00:00']],
    ['  0  12 * * *  ', 'UTC', '2026-03-01T12:00:00Z', ['2026-03-02T12:00']],
  ])('%s in %s', (expression, zone, from, expected) => {
    expect(times(expression, zone, from, expected.length)).toEqual(expected);
  });

  it.each([
    [
      'a fixed time that is left out runs right after',
      '30 2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T01:00', '2026-03-30T00:30'],
    ],
    [
      'a fixed time that comes twice runs once',
      '30 2 * * *',
      '2026-10-24T12:00:00Z',
      ['2026-10-25T00:30', '2026-10-26T01:30'],
    ],
    [
      'an interval goes on over the hour left out',
      '*/30 * * * *',
      '2026-03-29T00:15:00Z',
      ['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30'],
    ],
    [
      'an interval goes on in the hour that comes twice',
      '*/30 * * * *',
      '2026-10-25T00:15:00Z',
      ['2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30'],
    ],
  ])('daylight saving: %s', (_what, expression, from, expected) => {
    expect(times(expression, 'Europe/Berlin', from, expected.length)).toEqual(expected);
  });

  it.each([
    '',
    '* * * *',
    '* * * * * *',
    '@daily',
    '61 * * * *',
    '*/0 * * * *',
    'a b c d e',
    '5-1 * * * *',
    '* * * * 9',
  ])('refuses %j and says what to write', (expression) => {
    expect(() => timetableOf(expression, 'UTC', now)).toThrow(/Invalid cron_expression: .*"0 9 \* \* 1-5"/);
  });

  it('refuses what no day fits', () => {
    expect(() => timetableOf('0 0 31 2 *', 'UTC', now)).toThrow('no day fits it');
  });

  it.each(['', 'Mars/Olympus', 'Europe', '+25:00'])('refuses the time zone %j', (zone) => {
    expect(() => timetableOf('* * * * *', zone, now)).toThrow('timezone must be the name of a time zone');
  });

  it('counts what was planned in a time, and knows the newest', () => {
    const hourly = new Timetable('0 * * * *', 'UTC');
    const first = new Date('2026-03-01T13:00:00Z');
    expect(hourly.between(first, new Date('2026-03-01T13:00:20Z'))).toEqual({ count: 1, newest: first });
    expect(hourly.between(first, new Date('2026-03-02T13:00:00Z'))).toEqual({
      count: 25,
      newest: new Date('2026-03-02T13:00:00Z'),
    });
  });

  it('does not count a year of minutes, but knows the newest', () => {
    const first = new Date('2026-03-01T13:00:00Z');
    const found = new Timetable('* * * * *', 'Europe/Berlin').between(first, new Date('2027-03-01T13:00:59Z'));
    expect(found).toEqual({ count: 1000, newest: new Date('2027-03-01T13:00:00Z') });
  });
});
