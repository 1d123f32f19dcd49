import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fieldsOf, textOf } from './conversation.js';

/** What the model process leaves in `<dataDir>/model.json` (mode 0600), so that the next server finds it. */
export interface ModelState {
  readonly pid: number;
  /** Clock ticks since boot at which the process started; null where the system does not tell. Guards against reused pids. */
  readonly startTime: number | null;
  /** Port on loopback. */
  readonly port: number;
  /** Allows `/_flotilla/*`. */
  readonly token: string;
  readonly configHash: string;
  /** Ports by address, loopback included. */
  readonly listeners: Readonly<Record<string, number>>;
}

export function stateFile(dataDir: string): string {
  return path.join(dataDir, 'model.json');
}

/** null if there is none, or if it makes no sense. */
export function readState(dataDir: string): ModelState | null {
  try {
    const fields = fieldsOf(JSON.parse(readFileSync(stateFile(dataDir), 'utf8')));
    const { pid, port, startTime } = fields;
    const token = textOf(fields['token']);
    if (typeof pid !== 'number' || typeof port !== 'number' || token === '') return null;
    const listeners = Object.entries(fieldsOf(fields['listeners'])).filter(isListener);
    return {
      pid,
      startTime: typeof startTime === 'number' ? startTime : null,
      port,
      token,
      configHash: textOf(fields['configHash']),
      listeners: Object.fromEntries(listeners),
    };
  } catch {
    return null;
  }
}

/** Replaces the file in one step. */
export function writeState(dataDir: string, state: ModelState): void {
  const file = stateFile(dataDir);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/** When a process started, in clock ticks since boot; null if it is gone, or the system does not tell. */
export function startTimeOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name may hold spaces and parentheses: count from the last one. Field 22 of the whole line.
    const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
    return Number.isFinite(ticks) ? ticks : null;
  } catch {
    return null;
  }
}

function isListener(entry: [string, unknown]): entry is [string, number] {
  return typeof entry[1] === 'number';
}
