import { Transform } from 'class-transformer';

const yes = new Set(['', '1', 'true', 'yes', 'on', 't', 'y']);
const no = new Set(['0', 'false', 'no', 'off', 'f', 'n']);
const time = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/i;

/** A flag of a query in any usual spelling; anything else is left for the validator to refuse. */
export const AsFlag = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }): unknown => {
    const word = typeof value === 'string' ? value.toLowerCase() : null;
    if (word === null) return value;
    return yes.has(word) ? true : no.has(word) ? false : value;
  });

/** A whole number of a query. `1e3`, `0x10` and the empty text are none. */
export const AsWhole = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }): unknown =>
    typeof value === 'string' && /^[+-]?\d{1,15}$/.test(value.trim()) ? Number(value) : value,
  );

/** A time of a query; without a zone it is UTC. */
export const AsTime = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }): unknown => {
    const found = typeof value === 'string' ? time.exec(value.trim()) : null;
    if (!found) return value;
    const text = found[0].replace(' ', 'T');
    const date = new Date(found[1] ? text : text.length === 10 ? `${text}T00:00:00Z` : `${text}Z`);
    return Number.isNaN(date.getTime()) ? value : date;
  });

/** A list such as `prod, Staging`: trimmed, in lower case, without empty members. */
export const listOf = (given: string | readonly string[] | undefined): string[] =>
  String(given ?? '')
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '');
