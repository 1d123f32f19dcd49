import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '../../core/errors/domain-error.js';
import { type ModelState, readState, startTimeOf } from '../../demo-model/state.js';

const startMs = 20_000;
const endMs = 5_000;
const callMs = 3_000;

/** What a new model process is told on its standard input. */
export interface Orders {
  readonly configHash: string;
  readonly targets: Readonly<Record<string, string>>;
  readonly listeners: Readonly<Record<string, number>>;
}

/** Whether the process of a state file answers, and with this configuration. */
export async function isHealthy(state: ModelState, configHash: string): Promise<boolean> {
  if (state.configHash !== configHash) return false;
  try {
    const response = await call(state, 'GET', 'health');
    return response.ok;
  } catch {
    return false;
  }
}

/** Makes the process listen on one more address of this machine; the port. Throws `Unavailable`. */
export async function listenOn(state: ModelState, host: string): Promise<number> {
  const known = state.listeners[host];
  if (known !== undefined) return known;
  try {
    const response = await call(state, 'POST', 'listen', { host });
    const answer = (await response.json()) as { port?: number; error?: string };
    if (response.ok && typeof answer.port === 'number') return answer.port;
    throw new Error(answer.error ?? `status ${response.status}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown reason';
    throw new Unavailable(`Agents cannot reach the model process: ${reason}`, 'models_unreachable', null, {
      cause: error,
    });
  }
}

/** Starts the process detached, so that it outlives this one, and waits until it serves. Throws `Unavailable`. */
export async function spawnProcess(entry: string, dataDir: string, orders: Orders): Promise<ModelState> {
  mkdirSync(dataDir, { recursive: true });
  const token = randomBytes(24).toString('hex');
  const log = openSync(path.join(dataDir, 'model.log'), 'a', 0o600);
  const options = loaders();
  const child = spawn(process.execPath, [...options, entry, '--data-dir', dataDir], {
    // Loaders may be named by relative paths; otherwise it holds no folder that somebody may want to remove.
    cwd: options.length > 0 ? process.cwd() : '/',
    detached: true,
    env: {},
    stdio: ['pipe', 'ignore', log],
  });
  closeSync(log);
  const over = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      resolve(`it ended with ${signal ?? `code ${code ?? 'unknown'}`}`);
    });
  });
  // It may have failed before it reads.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(JSON.stringify({ token, ...orders }));
  child.unref();
  const state = await serving(child, dataDir, token, over);
  if (typeof state !== 'string') return state;
  throw new Unavailable(
    `The model process did not start (${state}); see model.log in the data folder`,
    'models_failed',
  );
}

/** A server that runs from sources was given a loader; its model process needs the same. */
function loaders(): readonly string[] {
  return process.execArgv.filter((option) => !option.startsWith('--inspect'));
}

/** Asks a process to end and waits until its port is free; kills it if it does not listen. Gone already is success. */
export async function endProcess(state: ModelState): Promise<void> {
  try {
    const response = await call(state, 'POST', 'stop');
    if (response.ok && (await isFree(state))) return;
  } catch {
    // It does not answer: only a process that is surely ours may be killed.
  }
  const isOurs = state.startTime !== null && startTimeOf(state.pid) === state.startTime;
  if (isOurs) process.kill(state.pid, 'SIGKILL');
}

/** Resolves with the state once it serves, or with what went wrong. */
async function serving(
  child: ChildProcess,
  dataDir: string,
  token: string,
  over: Promise<string>,
): Promise<ModelState | string> {
  for (const deadline = performance.now() + startMs; performance.now() < deadline;) {
    const state = readState(dataDir);
    if (state?.token === token) return state;
    const failure = await Promise.race([over, sleep(20, null)]);
    if (failure !== null) return failure;
  }
  child.kill('SIGKILL');
  return 'it did not answer in time';
}

async function isFree(state: ModelState): Promise<boolean> {
  for (const deadline = performance.now() + endMs; performance.now() < deadline;) {
    try {
      await call(state, 'GET', 'health');
    } catch {
      return true;
    }
    await sleep(20);
  }
  return false;
}

function call(state: ModelState, method: 'GET' | 'POST', route: string, body?: unknown): Promise<Response> {
  return fetch(`http://127.0.0.1:${state.port}/_flotilla/${route}`, {
    method,
    // A kept connection would hold a stopping process open, and answer for it.
    headers: { authorization: `Bearer ${state.token}`, connection: 'close' },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(callMs),
  });
}
