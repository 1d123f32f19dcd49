import { constants } from 'node:os';
import {
  Channel,
  ChannelError,
  type FileInfo,
  type Following,
  type RunRequest,
  type RunResult,
  type ShellSignal,
} from '../../core/instances/channel.port.js';
import type { InstanceUser, Place } from '../../core/instances/engine.port.js';
import { pieceBytes, str, strings, u32, u64 } from './frames.js';
import type { HandConnection } from './hand-connection.js';

const defaultRunMs = 30_000;
const defaultOutputBytes = 4 * 2 ** 20;
const defaultListed = 10_000;
/** A large file goes in pieces of this size, so many on their way at once: the way through an engine is long, not narrow. */
const sentBytes = 2 ** 18;
const sentAtOnce = 4;

/** The `Channel` port over one running hand (`hand.pl`). */
export class ChannelClient implements Channel {
  /** `pathOf`: absolute paths of the places, as the hand sees them. */
  constructor(
    private readonly hand: HandConnection,
    private readonly user: InstanceUser,
    private readonly pathOf: (place: Place) => string,
  ) {}

  get closed(): boolean {
    return this.hand.closed;
  }

  close(): void {
    this.hand.close();
  }

  async ping(): Promise<void> {
    await this.hand.call('P', []);
  }

  async read(place: Place, path: string, range: { readonly offset?: number; readonly length?: number } = {}) {
    const length = Math.min(range.length ?? pieceBytes, pieceBytes);
    const payload = [u64(range.offset ?? 0), u32(length), ...this.target(place, path)];
    const answer = await this.hand.call('R', payload, { about: path });
    return {
      size: Number(answer.readBigUInt64BE(0)),
      modifiedAt: seconds(answer.readBigUInt64BE(8)),
      mode: answer.readUInt32BE(16) & 0o7777,
      data: answer.subarray(20),
    };
  }

  async write(
    place: Place,
    path: string,
    data: Buffer | string | AsyncIterable<Buffer>,
    options: { readonly mode?: number; readonly sync?: boolean } = {},
  ): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const head = [u32(options.mode ?? 0o644), Buffer.from([options.sync ? 1 : 0]), ...this.target(place, path)];
    if (Buffer.isBuffer(bytes) && bytes.length <= pieceBytes) {
      await this.hand.call('W', [...head, str(bytes)], { about: path });
      return;
    }
    const draft = this.hand.open('b', head, { about: path });
    await draft.answer;
    try {
      const going: Promise<Buffer>[] = [];
      for await (const { size, parts } of gathered(bytes)) {
        const piece = this.hand.call('a', [u32(draft.id), u32(size), ...parts], { about: path });
        piece.catch(() => undefined); // whoever comes to wait for it hears of it
        going.push(piece);
        if (going.length >= sentAtOnce) await going.shift();
      }
      await Promise.all(going);
    } catch (error) {
      await this.hand.call('z', [u32(draft.id)]).catch(() => undefined);
      throw error;
    }
    await this.hand.call('c', [u32(draft.id)], { about: path, timeoutMs: 60_000 });
  }

  async list(place: Place, path: string, max = defaultListed): Promise<readonly FileInfo[]> {
    const found: FileInfo[] = [];
    const onPiece = (_kind: string, records: Buffer): void => {
      for (let at = 0; at < records.length;) {
        const end = at + 24 + records.readUInt32BE(at + 20);
        found.push(fileInfo(records.subarray(at), records.toString('utf8', at + 24, end)));
        at = end;
      }
    };
    await this.hand.call('L', [u32(max), ...this.target(place, path)], { about: path, onPiece });
    return found;
  }

  async stat(place: Place, path: string): Promise<FileInfo> {
    const answer = await this.hand.call('S', this.target(place, path), { about: path });
    return fileInfo(answer, path.split('/').filter(Boolean).at(-1) ?? '');
  }

  async remove(place: Place, path: string): Promise<void> {
    await this.hand.call('D', this.target(place, path), { about: path });
  }

  async mkdir(place: Place, path: string, mode = 0o755): Promise<void> {
    await this.hand.call('M', [u32(mode), ...this.target(place, path)], { about: path });
  }

  async ring(place: Place, path: string): Promise<boolean> {
    return (await this.hand.call('B', this.target(place, path), { about: path })).readUInt8(0) === 1;
  }

  async signal(execId: string, signal: ShellSignal): Promise<number> {
    const number = signal === 'NONE' ? 0 : constants.signals[`SIG${signal}`];
    return (await this.hand.call('G', [u32(number), str(execId)])).readUInt32BE(0);
  }

  async run(request: RunRequest): Promise<RunResult> {
    const { argv, signal, timeoutMs = defaultRunMs, maxOutputBytes = defaultOutputBytes } = request;
    signal?.throwIfAborted();
    const input = Buffer.isBuffer(request.stdin) ? request.stdin : Buffer.from(request.stdin ?? '');
    const environment = Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`);
    const more = input.length > pieceBytes / 2;
    const payload = [
      ...[u32(maxOutputBytes), Buffer.from([more ? 1 : 0])],
      ...[str(request.cwd ?? (this.user === 'root' ? '/' : this.pathOf('home'))), strings(argv), strings(environment)],
      str(more ? '' : input),
    ];
    const size = payload.reduce((sum, part) => sum + part.length, 0);
    if (size > pieceBytes) throw new ChannelError('too_large', 'the command line and its environment are too large');

    const out: Record<'o' | 'e', Buffer[]> = { o: [], e: [] };
    const onPiece = (kind: 'o' | 'e', piece: Buffer): void => void out[kind].push(piece);
    const job = this.hand.open('X', payload, { timeoutMs: null, onPiece, about: argv[0] ?? 'command' });
    if (more) this.send(job.id, input).catch(() => undefined);
    const answer = await this.within(job, timeoutMs, signal);
    return {
      exitCode: answer.readUInt32BE(0),
      cut: answer.readUInt8(4) === 1,
      stdout: Buffer.concat(out.o),
      stderr: Buffer.concat(out.e),
    };
  }

  follow(place: Place, path: string, offset: number, onData: (data: Buffer) => void | Promise<void>): Following {
    let stop = (): void => undefined;
    const ended = new Promise<void>((resolve, reject) => {
      let over = false;
      const end = (settle: () => void): void => {
        over = true;
        settle();
      };
      const deal = async (piece: Buffer): Promise<void> => {
        await onData(piece);
        if (!over) await this.hand.call('N', [u32(following.id)]);
      };
      const onPiece = (_kind: string, piece: Buffer): void => {
        if (!over) deal(piece).catch((error: unknown) => finish(() => reject(asError(error))));
      };
      const following = this.openFollow(place, path, offset, onPiece);
      const finish = (settle: () => void): void => {
        if (over) return;
        end(settle);
        this.hand.forget(following.id);
        this.hand.call('U', [u32(following.id)]).catch(() => undefined);
      };
      following.answer.catch((error: unknown) => end(() => reject(asError(error))));
      stop = () => finish(resolve);
    });
    // A caller that only wants the data need not look at the end.
    ended.catch(() => undefined);
    return { ended, stop };
  }

  private openFollow(place: Place, path: string, offset: number, onPiece: (kind: 'o' | 'e', piece: Buffer) => void) {
    try {
      const payload = [u64(offset), ...this.target(place, path)];
      return this.hand.open('F', payload, { timeoutMs: null, onPiece, about: path });
    } catch (error) {
      return { id: 0, answer: Promise.reject<Buffer>(asError(error)) };
    }
  }

  private async send(job: number, input: Buffer): Promise<void> {
    for (let at = 0; at < input.length; at += pieceBytes) {
      const piece = input.subarray(at, at + pieceBytes);
      await this.hand.call('I', [u32(job), str(piece)], { timeoutMs: null });
    }
    await this.hand.call('I', [u32(job), str('')]);
  }

  /** The job's answer; when time is over or the caller aborts, the job is killed and nobody waits for it. */
  private within(job: { id: number; answer: Promise<Buffer> }, ms: number, signal?: AbortSignal): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const give = (error: Error): void => {
        this.hand.call('K', [u32(job.id), u32(constants.signals.SIGKILL)]).catch(() => undefined);
        reject(error);
      };
      const abort = (): void => give(asError(signal?.reason));
      const timer = setTimeout(() => give(new ChannelError('timeout', `not done within ${ms} ms`)), ms);
      signal?.addEventListener('abort', abort, { once: true });
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      job.answer.finally(settle).then(resolve, reject);
    });
  }

  private target(place: Place, path: string): [Buffer, Buffer] {
    if (path.includes('\0') || path.startsWith('/') || path.split('/').includes('..')) {
      throw new ChannelError('outside', 'a path must be relative and may not leave its place');
    }
    return [str(this.pathOf(place)), str(path)];
  }
}

interface Gathered {
  readonly size: number;
  readonly parts: readonly Buffer[];
}

/** What comes in small parts as pieces of a good size. Nothing is copied. */
async function* gathered(data: Buffer | AsyncIterable<Buffer>): AsyncIterable<Gathered> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const bytes of Buffer.isBuffer(data) ? [data] : data) {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + sentBytes - size);
      parts.push(part);
      at += part.length;
      size += part.length;
      if (size < sentBytes) continue;
      yield { size, parts };
      parts = [];
      size = 0;
    }
  }
  if (size > 0) yield { size, parts };
}

/** From a record of the hand: u32 mode, u64 size, u64 time. */
function fileInfo(record: Buffer, name: string): FileInfo {
  const mode = record.readUInt32BE(0);
  const kinds: Readonly<Record<number, FileInfo['kind']>> = { 0o100: 'file', 0o040: 'directory', 0o120: 'link' };
  return {
    name,
    kind: kinds[(mode & 0o170000) >> 9] ?? 'other',
    size: Number(record.readBigUInt64BE(4)),
    modifiedAt: seconds(record.readBigUInt64BE(12)),
    mode: mode & 0o7777,
  };
}

function seconds(value: bigint): Date {
  return new Date(Number(value) * 1000);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
