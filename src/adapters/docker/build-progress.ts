import type { Readable } from 'node:stream';
import { linesOf } from './lines.js';

/** One line of the engine's answer to a build, a pull or an import. */
interface Line {
  readonly stream?: string;
  readonly status?: string;
  readonly error?: string;
}

const lastLines = 6;

/** What a step of our Dockerfile is for, by a piece of its text. */
const purposes: readonly (readonly [string, string])[] = [
  ['NODE_VERSION', 'fetching Node'],
  ['node-linux-', 'fetching Node'],
  ['openssh-sftp-server', 'installing tools'],
  ['npm install -g', 'installing the runtime'],
];

/**
 * Reads a build's output to its end and reports each step in a few words. Fails with the engine's error and the last lines
 * of output before it, which name the command that failed.
 */
export async function readProgress(output: NodeJS.ReadableStream, report: (text: string) => void): Promise<void> {
  const tail: string[] = [];
  for await (const line of lines(output)) {
    if (line.error !== undefined) throw new Error([...tail, line.error].join('\n').slice(-1_500));
    const text = (line.stream ?? '').trim();
    const step = /^Step (\d+)\/(\d+) : (.*)/s.exec(text);
    if (step) report(describe(step[1] ?? '', step[2] ?? '', step[3] ?? ''));
    else if (text !== '' && !text.startsWith('--->')) tail.push(text);
    if (step) tail.length = 0;
    if (tail.length > lastLines) tail.shift();
  }
}

/** Reads the output of a pull or an import to its end; calls back on each sign of life. */
export async function drainStatus(output: NodeJS.ReadableStream, alive: () => void): Promise<void> {
  for await (const line of lines(output)) {
    if (line.error !== undefined) throw new Error(line.error);
    alive();
  }
}

async function* lines(output: NodeJS.ReadableStream): AsyncIterable<Line> {
  for await (const line of linesOf(output as Readable)) yield JSON.parse(line) as Line;
}

function describe(number: string, of: string, command: string): string {
  const purpose = command.startsWith('RUN') ? purposes.find(([piece]) => command.includes(piece))?.[1] : undefined;
  return `step ${number} of ${of}${purpose ? `: ${purpose}` : ''}`;
}
