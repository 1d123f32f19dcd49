import { EngineError } from '../../core/instances/engine.errors.js';
import { drainStatus } from './build-progress.js';
import type { Connection } from './connection.js';
import { isFault, messageOf } from './errors.js';
import { label } from './labels.js';

/** A registry that shows no sign of life for so long does not answer. */
const silenceMs = 60_000;

/**
 * Sees that an image of somebody else's making is there, and is one of ours with more in it: what was not built on the image
 * of the runtime has no entry script, and would never come up. What the engine has is not fetched again.
 */
export async function ensureOwnImage(
  engine: Connection,
  image: string,
  runtime: string,
  signal?: AbortSignal,
): Promise<void> {
  let found = await runtimeOf(engine, image);
  if (found === null) {
    await pull(engine, image, signal);
    found = await runtimeOf(engine, image);
  }
  if (found === null) throw new EngineError('no_image', `The image ${image} could not be fetched`);
  if (found.runtime === runtime) return;
  const what = found.runtime === '' ? 'no agent image' : `the image of ${found.runtime}`;
  throw new EngineError('no_image', `${image} is ${what}: it must be built FROM flotilla-agent-${runtime}`);
}

/** Of which runtime an image is (empty: of none); null when the engine has no such image. */
async function runtimeOf(engine: Connection, image: string): Promise<{ readonly runtime: string } | null> {
  try {
    const { Config } = await engine.call('looking for an image', () => engine.docker.getImage(image).inspect());
    const labels = Config.Labels as Record<string, string> | null;
    return { runtime: labels?.[label.runtime] ?? '' };
  } catch (error) {
    if (isFault(error, 'not_found', 'no_image')) return null;
    throw error;
  }
}

async function pull(engine: Connection, image: string, signal?: AbortSignal): Promise<void> {
  const silence = new AbortController();
  const restart = (): NodeJS.Timeout => setTimeout(() => silence.abort(), silenceMs);
  let timer = restart();
  const abortSignal = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
  try {
    await drainStatus(await engine.docker.pull(image, { abortSignal }), () => {
      clearTimeout(timer);
      timer = restart();
    });
  } catch (error) {
    signal?.throwIfAborted();
    const why = silence.signal.aborted ? `the registry was silent for ${silenceMs / 1000} s` : messageOf(error);
    throw new EngineError('no_image', `The image ${image} could not be fetched: ${why}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
