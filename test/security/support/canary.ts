import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A secret of its own kind that nothing else in the world looks like. */
export interface Canary {
  readonly name: string;
  readonly value: string;
}

export const hatch = (name: string): Canary => ({ name, value: `cnry${randomBytes(14).toString('hex')}` });

/** Every form in which a secret may be found: as it is, encoded, turned round, cut in two. */
export function formsOf({ name, value }: Canary): readonly (readonly [string, Buffer])[] {
  const half = Math.ceil(value.length / 2);
  // Base64 of a text inside a longer text depends on where it begins; the edges depend on the neighbours.
  const base64 = [0, 1, 2].map((shift) => {
    const encoded = Buffer.from('x'.repeat(shift) + value).toString('base64');
    return encoded.slice(shift === 0 ? 0 : 4, -4);
  });
  const forms: Record<string, string> = {
    'first half': value.slice(0, half),
    'second half': value.slice(half),
    reversed: [...value].reverse().join(''),
    'URL-encoded': encodeURIComponent(value),
    'percent-encoded': [...Buffer.from(value)].map((byte) => `%${byte.toString(16)}`).join(''),
    hex: Buffer.from(value).toString('hex'),
    ...Object.fromEntries(base64.map((text, shift) => [`base64 at ${shift}`, text])),
    base64url: (base64[0] ?? '').replaceAll('+', '-').replaceAll('/', '_'),
  };
  return Object.entries(forms).map(([form, text]) => [`${name} (${form})`, Buffer.from(text)] as const);
}

/** Collects what is found where. */
export class Search {
  readonly hits = new Set<string>();
  /** Bytes looked at: a search that saw nothing proves nothing. */
  bytes = 0;
  private readonly forms: readonly (readonly [string, Buffer])[];

  constructor(canaries: readonly Canary[]) {
    this.forms = canaries.flatMap(formsOf);
  }

  in(place: string, data: string | Buffer): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    this.bytes += bytes.length;
    for (const [what, form] of this.forms) if (bytes.includes(form)) this.hits.add(`${what} in ${place}`);
  }

  /** Every file below a folder; `documented` ones, by path below it, are left out. */
  inFiles(folder: string, documented: readonly (string | RegExp)[] = []): void {
    const leftOut = (path: string): boolean =>
      documented.some((one) => (typeof one === 'string' ? one === path : one.test(path)));
    const walk = (below: string): void => {
      for (const name of readdirSync(join(folder, below))) {
        const path = below === '' ? name : `${below}/${name}`;
        const info = lstatSync(join(folder, path));
        if (info.isDirectory()) walk(path);
        else if (info.isFile() && !leftOut(path)) this.in(`file ${path}`, contentOf(join(folder, path)));
      }
    };
    walk('');
  }

  /** Command lines of every process, and the environment of those that another user runs. */
  inProcesses(): void {
    const me = process.getuid?.() ?? 0;
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const folder = `/proc/${pid}`;
      if (!existsSync(folder)) continue;
      this.in('a command line', contentOf(`${folder}/cmdline`));
      if (ownerOf(folder) !== me) this.in("another user's environment", contentOf(`${folder}/environ`));
    }
  }
}

/** Nothing, when it went away meanwhile. */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

function ownerOf(path: string): number {
  try {
    return statSync(path).uid;
  } catch {
    return -1;
  }
}

/** The address of a page is shown to those who may see the thing, under this name, and nowhere else. */
export const withoutAddresses = (name: string, value: unknown): unknown => (name === 'url' ? null : value);
