const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** A time as this reader writes it; empty for none. */
export const timeText = (iso) => (iso ? moment.format(new Date(iso)) : '');

const statusWords = { running: 'Running', restarting: 'Starting', stopped: 'Stopped', paused: 'Paused' };

/** A status of the API as a word. */
export const statusWord = (status) => statusWords[status] ?? status;

/** The runtimes there are, by the API's name. The server says which of them it offers. */
export const runtimes = [
  ['claude-code', 'Claude Code'],
  ['opencode', 'OpenCode'],
  ['gemini-cli', 'Gemini CLI'],
  ['codex', 'Codex'],
];
export const runtimeTitle = (name) => runtimes.find(([key]) => key === name)?.[1] ?? name;

/** Any value as readable text. */
export const pretty = (value) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));
