import { Cron } from 'croner';
import { Invalid } from '../errors/domain-error.js';

/** Missed times that are counted one by one; there may be more. */
export const mostCounted = 1000;

/**
 * Times of a five-field cron expression in a time zone. When clocks are set forward, what was planned for the hour that
 * is left out runs right after it; when they are set back, a fixed time runs once, and an interval goes on at its pace.
 */
export class Timetable {
  private readonly cron: Cron;

  /** Throws `Invalid` with what to write instead. */
  constructor(expression: string, timezone: string) {
    checkTimezone(timezone);
    const fields = expression.trim().split(/\s+/);
    if (fields.length !== 5 || expression.length > 200) throw notCron('it needs five fields');
    try {
      this.cron = new Cron(fields.join(' '), { timezone, paused: true, mode: '5-part' });
    } catch {
      throw notCron('a field is out of range or misspelt');
    }
  }

  /** The first planned time after `moment`; null when there is none. */
  after(moment: Date): Date | null {
    return this.cron.nextRun(moment);
  }

  /** Planned times from `first` (itself one) up to `until`: how many (counted up to `mostCounted`), and the newest. */
  between(first: Date, until: Date): { readonly count: number; readonly newest: Date } {
    let [newest, count] = [first, 1];
    for (let next = this.after(first); next && next <= until; next = this.after(next)) {
      newest = next;
      count += 1;
      if (count === mostCounted) return { count, newest: this.before(until) ?? newest };
    }
    return { count, newest };
  }

  /** The last planned time up to `moment`, itself included. */
  private before(moment: Date): Date | null {
    const [found] = this.cron.previousRuns(1, new Date(moment.getTime() + 1000));
    return found ?? null;
  }
}

/** Throws `Invalid` for an expression that is none, or that no day ever fits. */
export function timetableOf(expression: string, timezone: string, now: Date): Timetable {
  const timetable = new Timetable(expression, timezone);
  if (timetable.after(now) === null) throw notCron('no day fits it');
  return timetable;
}

function checkTimezone(timezone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    throw new Invalid(
      'timezone must be the name of a time zone, such as "UTC" or "Europe/Berlin"',
      [],
      'invalid_timezone',
    );
  }
}

function notCron(why: string): Invalid {
  const form = 'minute hour day month weekday, such as "0 9 * * 1-5" for nine o\'clock from Monday to Friday';
  return new Invalid(`Invalid cron_expression: ${why}. Write ${form}`, [], 'invalid_cron');
}
