import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { EngineError } from '../../core/instances/engine.errors.js';
import type { ImageProgress } from '../../core/instances/engine.port.js';
import { drainStatus } from './build-progress.js';
import type { Connection } from './connection.js';
import { isFault, messageOf } from './errors.js';

const fromRegistry = 'node:24-bookworm-slim';
const fromPackages = { repo: 'flotilla-base', tag: 'bookworm' } as const;
const script = path.resolve(__dirname, '../../../script/build-base');
/** A registry that shows no sign of life for so long does not answer. */
const silenceMs = 20_000;

/** The image that agent images are built on: the ordinary one, or where no registry answers one made of Debian packages. */
export async function ensureBase(
  engine: Connection,
  report: (step: ImageProgress) => void,
  signal: AbortSignal,
): Promise<string> {
  const own = `${fromPackages.repo}:${fromPackages.tag}`;
  for (const name of [fromRegistry, own]) if (await has(engine, name)) return name;

  report({ step: `Fetching the base image ${fromRegistry}` });
  const refusal = await pull(engine, signal);
  if (refusal === null) return fromRegistry;
  signal.throwIfAborted();

  report({ step: 'No image registry answers: building the base image from Debian packages' });
  try {
    await buildFromPackages(engine, signal);
  } catch (error) {
    const reason = messageOf(error);
    const message = `No base image could be had: ${fromRegistry} was not fetched (${refusal}), and building one failed: ${reason}`;
    throw new EngineError(isFault(error, 'disk_full') ? 'disk_full' : 'no_image', message, { cause: error });
  }
  return own;
}

async function has(engine: Connection, name: string): Promise<boolean> {
  try {
    await engine.call('looking for an image', () => engine.docker.getImage(name).inspect());
    return true;
  } catch (error) {
    if (isFault(error, 'not_found', 'no_image')) return false;
    throw error;
  }
}

/** null when it is there, else why not. */
async function pull(engine: Connection, signal: AbortSignal): Promise<string | null> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const abortSignal = AbortSignal.any([signal, silence.signal]);
  try {
    await drainStatus(await engine.docker.pull(fromRegistry, { abortSignal }), () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMs);
    });
    return (await has(engine, fromRegistry)) ? null : 'the pull ended without an image';
  } catch (error) {
    if (silence.signal.aborted) return `the registry was silent for ${silenceMs / 1000} s`;
    return messageOf(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs `script/build-base` here and streams its tar into the engine, which may be on another machine. */
async function buildFromPackages(engine: Connection, signal: AbortSignal): Promise<void> {
  const child = spawn(script, ['--stdout'], { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGTERM' });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)));
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new EngineError('refused', said.trim().split('\n').at(-1) ?? `script/build-base ended with ${code}`));
    });
  });
  const imported = importTar(engine, child.stdout, signal);
  // The script's own words explain a failure better than the import of half a tar.
  const [script_, import_] = await Promise.allSettled([ended, imported]);
  if (script_.status === 'rejected') throw script_.reason;
  if (import_.status === 'rejected') throw import_.reason;
}

async function importTar(engine: Connection, tar: Readable, abortSignal: AbortSignal): Promise<void> {
  const { repo, tag } = fromPackages;
  const output = await engine.docker.importImage(tar, { repo, tag, changes: 'CMD ["/bin/bash"]', abortSignal });
  await drainStatus(output, () => undefined);
}
