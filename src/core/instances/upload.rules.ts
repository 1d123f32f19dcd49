import { Invalid } from '../errors/domain-error.js';

/** Most bytes of one uploaded file, and of all in an agent's folder. */
export const largestUpload = 50 * 2 ** 20;
export const largestUploads = 100 * 2 ** 20;

/** Kinds of files that are refused unless the installation says otherwise: programs and installers. */
export const refusedExtensions: readonly string[] =
  'exe dll msi com scr bat cmd vbs jar app dmg deb rpm apk iso so dylib'.split(' ');

const longestName = 200;

/** The last part of what a client calls a file, without what hides it or confuses a terminal. Throws `Invalid`. */
export function uploadNameOf(given: string): string {
  const last = given.split(/[/\\]/).pop() ?? '';
  const name = last
    .replace(/\p{Cc}/gu, '')
    .trim()
    .replace(/^[.\s]+/, '');
  if (name === '') throw new Invalid('The file needs a name', [], 'invalid_request', { field: 'file' });
  if (Buffer.byteLength(name) > longestName) {
    throw new Invalid(`The file's name is longer than ${longestName} bytes`, [], 'invalid_request', { field: 'file' });
  }
  return name;
}

/** Throws `Invalid` for a name that ends like a refused kind of file. */
export function requireExtension(name: string, refused: readonly string[]): void {
  const extension = /\.([^.]+?)[\s.]*$/.exec(name)?.[1]?.toLowerCase();
  if (extension !== undefined && refused.includes(extension)) throw notAllowed(`Files that end in .${extension}`);
}

/** Bytes that are needed to tell what a file is. */
export const magicBytes = 64;

/** Throws `Invalid` for content that starts like a program, whatever it is called: ELF, Windows or macOS. */
export function requireContent(start: Buffer): void {
  const four = start.length >= 4 ? start.readUInt32BE(0) : 0;
  const windows = start.subarray(0, 2).toString('latin1') === 'MZ' && start.subarray(2).some((byte) => byte < 9);
  if (programs.has(four) || windows) throw notAllowed('Programs');
}

const programs: ReadonlySet<number> = new Set([
  0x7f454c46, // ELF
  ...[0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe, 0xbebafeca, 0xcafebabf, 0xbfbafeca], // Mach-O
]);

const notAllowed = (what: string): Invalid =>
  new Invalid(`${what} cannot be uploaded`, [], 'file_type_not_allowed', { field: 'file' });

/** A file that is being written beside its target; it lies there for good only where its writer was killed. */
export const isDraft = (name: string): boolean => /^\..*\.\d+\.\d+~$/s.test(name);
