import { Redactor } from './redactor.js';

/** Of this process, as its log is: it grows while secrets pass through. */
const hidden = Redactor.collecting();

/** From now on this value is left out of every line of the server's own log, in whatever form (see `Redactor`). */
export function hideInLogs(value: string): void {
  hidden.add(value);
}

/** A line of the log as it may be written. */
export const forLogs = (line: string, mark: string): string => hidden.text(line, mark);
