import type { Member } from './types';

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

/** A time as this reader writes it; empty for none. */
export const timeText = (iso: string | null | undefined): string => (iso ? moment.format(new Date(iso)) : '');

/** As short as it can be: the hour for today, the day otherwise. */
export function shortTime(iso: string): string {
  const date = new Date(iso);
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : moment.format(date);
}

const stateWords: Readonly<Record<string, string>> = {
  working: 'Working',
  running: 'Running',
  provisioning: 'Starting',
  restarting: 'Starting',
  stopping: 'Stopping',
  stopped: 'Stopped',
  failed: 'Failed',
  gone: 'Gone',
};

/** A state as a word for people. */
export const stateWord = (state: string): string => stateWords[state] ?? state;
/** What an agent does, in one word of ours: its exact state where it is known, and whether it works on something. */
export const stateOf = ({ state, status, activity }: Pick<Member, 'state' | 'status' | 'activity'>): string =>
  status === 'running' && activity === 'active' ? 'working' : (state ?? status);

/** The runtimes there are, by the API's name. The server says which of them it offers. */
export const runtimes: readonly (readonly [string, string])[] = [
  ['claude-code', 'Claude Code'],
  ['opencode', 'OpenCode'],
  ['gemini-cli', 'Gemini CLI'],
  ['codex', 'Codex'],
];
export const runtimeTitle = (name: string): string => runtimes.find(([key]) => key === name)?.[1] ?? name;

/** Any value as readable text. */
export const pretty = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '');

const units = ['B', 'KB', 'MB', 'GB', 'TB'];
export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 2 ** (10 * power);
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power] ?? ''}`;
}

export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
