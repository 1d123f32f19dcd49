import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineEvent, EngineSignal } from '../../core/instances/engine.port.js';
import type { Connection } from './connection.js';
import { label, labelled } from './labels.js';
import { linesOf } from './lines.js';

const actions = ['create', 'start', 'die', 'oom', 'kill', 'stop', 'destroy', 'pause', 'unpause', 'rename'] as const;
const shortestPauseMs = 200;
const longestPauseMs = 5_000;
/** A connection that lived this long was a good one: the next pause is short again. */
const goodConnectionMs = 5_000;
/** The engine may number events slightly out of order, so a reconnect asks again for a little of what it had. */
const overlapNanos = 1_000_000_000n;
const remembered = 1_024;

/** Follows the events of an installation's containers, over reconnects, each event once. */
export async function* containerEvents(
  engine: Connection,
  installId: string,
  options: { readonly since?: string; readonly signal: AbortSignal },
): AsyncIterable<EngineSignal> {
  const { signal } = options;
  const seen = new Set<string>();
  const after = options.since === undefined ? null : BigInt(options.since);
  let cursor = after;
  let pause = shortestPauseMs;

  while (!signal.aborted) {
    const opened = Date.now();
    let stream: Readable | null = null;
    try {
      cursor ??= await engineTime(engine);
      stream = await open(engine, installId, seen.size > 0 ? cursor - overlapNanos : cursor, signal);
      yield { kind: 'connected' };
      for await (const line of linesOf(stream)) {
        const event = parse(line);
        if (!event || (after !== null && BigInt(event.at) <= after) || !isNew(seen, event)) continue;
        if (BigInt(event.at) > cursor) cursor = BigInt(event.at);
        yield { kind: 'event', event };
      }
    } catch {
      // Whatever broke the stream, the answer is the same: try again until told to stop.
    } finally {
      stream?.destroy();
    }
    if (Date.now() - opened > goodConnectionMs) pause = shortestPauseMs;
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    pause = Math.min(pause * 2, longestPauseMs);
  }
}

function open(engine: Connection, installId: string, since: bigint, signal: AbortSignal): Promise<Readable> {
  const filters = JSON.stringify({ type: ['container'], label: labelled(installId), event: actions });
  const digits = since.toString().padStart(10, '0');
  const query = { filters, since: `${digits.slice(0, -9)}.${digits.slice(-9)}` };
  return engine.stream('opening the event stream', '/events', query, signal);
}

/** The engine's clock, because its events carry that one: nanoseconds since the epoch. */
async function engineTime(engine: Connection): Promise<bigint> {
  const info: unknown = await engine.call('asking for the time', () => engine.docker.info());
  const text = (info as { SystemTime?: unknown }).SystemTime;
  const parts = typeof text === 'string' ? /^([^.]+?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) : null;
  if (!parts) return BigInt(Date.now()) * 1_000_000n;
  const seconds = BigInt(Date.parse(`${parts[1]}${parts[3]}`) / 1_000);
  return seconds * 1_000_000_000n + BigInt((parts[2] ?? '').slice(0, 9).padEnd(9, '0'));
}

function isNew(seen: Set<string>, event: EngineEvent): boolean {
  const key = `${event.at} ${event.action} ${event.ref}`;
  if (seen.has(key)) return false;
  seen.add(key);
  if (seen.size > remembered) for (const oldest of seen) return seen.delete(oldest);
  return true;
}

/** null for a line that is no event of ours. */
function parse(line: string): EngineEvent | null {
  // Nanoseconds do not fit a JavaScript number, so they are taken from the text.
  const at = /"timeNano":(\d+)/.exec(line)?.[1];
  const message = fromJson(line);
  const { ID: ref, Attributes: attributes } = message?.Actor ?? {};
  const action = actions.find((known) => known === message?.Action);
  const instanceId = attributes?.[label.instance];
  if (at === undefined || ref === undefined || action === undefined || instanceId === undefined) return null;
  const exitCode = attributes?.['exitCode'];
  return { instanceId, ref, action, exitCode: exitCode === undefined ? null : Number(exitCode), at };
}

interface Message {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
}

function fromJson(line: string): Message | null {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return null;
  }
}
