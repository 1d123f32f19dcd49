import { PassThrough } from 'node:stream';
import type { Connection } from './connection.js';
import { demux } from './demux.js';
import { isFault, toEngineError } from './errors.js';

/** A container's output, stdout and stderr merged in the order the engine has them. */
export async function* containerLogs(
  engine: Connection,
  ref: string,
  options: { readonly tail: number; readonly follow?: boolean; readonly signal?: AbortSignal },
): AsyncIterable<Buffer> {
  const { tail, follow = false, signal } = options;
  if (signal?.aborted) return;
  const query = { stdout: '1', stderr: '1', tail: String(tail), follow: follow ? '1' : '0' };
  const output = new PassThrough();
  try {
    const source = await engine.stream('reading logs', `/containers/${encodeURIComponent(ref)}/logs`, query, signal);
    demux(source, output, output);
    source.once('end', () => output.end()).on('error', (error) => output.destroy(error));
    source.once('close', () => output.end());
    output.once('close', () => source.destroy());
    for await (const chunk of output) yield chunk as Buffer;
  } catch (error) {
    if (signal?.aborted) return;
    throw isFault(error, 'not_found') ? error : toEngineError(error, 'reading logs');
  } finally {
    output.destroy();
  }
}
