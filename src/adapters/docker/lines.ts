import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/**
 * The lines of a stream that are not empty. Fails when the stream does, and destroys it when the reader leaves early.
 * (readline passes errors on to an emitter of its own, where nobody may be listening any more.)
 */
export async function* linesOf(stream: Readable): AsyncIterable<string> {
  // An aborted answer may fail once more after it was left.
  stream.on('error', () => undefined);
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.write(chunk as Buffer)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield line;
  }
  if (rest.trim() !== '') yield rest;
}
