import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../test/support/until.js';
import { memberships, signal } from './processes.js';

const script = join(__dirname, '../../../docker/agent/flotilla-entry.sh');
const writer = join(__dirname, '../../../test/support/spool-writer.cjs');
const user = process.getuid?.() === 0 ? 23_456 : null;
const end = (code: number) => `{"jsonrpc":"2.0","method":"_flotilla/end","params":{"code":${code}}}\n`;

/** One byte into a FIFO. Opened without blocking: whoever does not run yet looks by itself when it starts. */
function ring(fifo: string): void {
  try {
    const fd = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(fd, '\n');
    closeSync(fd);
  } catch {
    return;
  }
}

/** Whether a process has a handler for TERM; until it set one, the signal simply ends it. */
function mindsTerm(pid: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${caught}`) & (1n << 14n)) !== 0n;
}

/** The real entry script in a run folder of its own, driven through files only, as a control plane does. */
class Entry {
  readonly folder = mkdtempSync(join(tmpdir(), 'flotilla-entry-'));
  private readonly mark = `test/${randomUUID()}`;
  private process: ChildProcess | null = null;
  output = '';

  start(args = [this.folder, user === null ? '-' : String(user)]): void {
    const env = { PATH: '/usr/bin:/bin', FLOTILLA_INSTANCE: this.mark };
    const child = spawn('/bin/sh', [script, ...args], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => (this.output += String(data)));
    this.process = child;
  }

  launch(generation: number, command: string, extra = ''): void {
    mkdirSync(this.path(generation, 'spool'), { recursive: true });
    writeFileSync(this.path(generation, 'launch'), `${extra}FLOTILLA_CWD='/tmp'\nset -- 'sh' '-c' '${command}'\n`);
    this.want(generation);
  }

  want(text: number | string): void {
    writeFileSync(join(this.folder, 'want'), `${text}\n`);
    ring(join(this.folder, 'wake'));
  }

  spool(generation: number, n: number, text: string): void {
    writeFileSync(this.path(generation, 'spool', String(n)), text);
    ring(this.path(generation, 'bell'));
  }

  path(generation: number, ...names: string[]): string {
    return join(this.folder, 'gen', String(generation), ...names);
  }

  read(generation: number, name: string): string {
    return existsSync(this.path(generation, name)) ? readFileSync(this.path(generation, name), 'utf8') : '';
  }

  started(generation: number): Promise<string> {
    return until(`generation ${generation} runs`, () => this.read(generation, 'pids'));
  }

  ended(generation: number): Promise<string> {
    return until(`generation ${generation} has ended`, () => this.read(generation, 'exit'));
  }

  /** Every process that came from this script and still lives. */
  left(): number[] {
    return memberships().flatMap((one) => (one.owner === this.mark ? [one.pid] : []));
  }

  async stop(name: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.process;
    if (!child?.pid) return null;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    process.kill(child.pid, name);
    return (await exited)[0];
  }

  async code(): Promise<number | null> {
    const child = this.process;
    if (!child) return null;
    return child.exitCode ?? ((await once(child, 'exit')) as [number | null])[0];
  }

  close(): void {
    for (const pid of this.left()) signal(pid, 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe('the entry script', () => {
  let entry: Entry;
  beforeEach(() => (entry = new Entry()));
  afterEach(() => entry.close());

  it('runs a generation with what the launch file gave, and forgets the file first', async () => {
    const secret = `k'"$ ${randomUUID()}`;
    entry.launch(
      1,
      'test -e "$RUN/launch" && echo still there; echo "$KEY|$(pwd)|$PWD|$(umask)|$(id -u)"; grep -E "CapEff|NoNewPrivs" /proc/self/status; read -r a; echo "got $a" >&2; exit 3',
      `export KEY='${secret.replaceAll("'", `'\\''`)}'\nexport RUN='${entry.path(1)}'\n`,
    );
    entry.start();
    await entry.started(1);
    expect(existsSync(entry.path(1, 'launch'))).toBe(false);
    entry.spool(1, 1, 'hello\n');
    expect(await entry.ended(1)).toBe('3\n');
    const caps =
      user === null ? expect.any(String) : expect.stringContaining('CapEff:\t0000000000000000\nNoNewPrivs:\t1\n');
    expect(entry.read(1, 'journal')).toEqual(caps);
    expect(entry.read(1, 'journal').split('\n')[0]).toBe(`${secret}|/tmp|/tmp|0022|${user ?? process.getuid?.()}`);
    expect(entry.read(1, 'journal').endsWith(`\n${end(3)}`)).toBe(true);
    await until('the log is written', () => entry.output.includes('ended'));
    expect(
      entry.output
        .replace(/\n(?=.*started)/, '\n')
        .split('\n')
        .sort(),
    ).toEqual(
      [
        '',
        'flotilla: runtime generation 1 ended with code 3',
        'flotilla: runtime generation 1 started',
        'got hello',
      ].sort(),
    );
    expect(await entry.stop()).toBe(143);
    expect(entry.left()).toEqual([]);
  });

  it('runs generation after generation, and none twice, not even after a restart', async () => {
    entry.start();
    entry.launch(1, 'echo one');
    await entry.ended(1);
    entry.launch(2, 'echo two; cat');
    await entry.started(2);
    await entry.stop('SIGKILL');
    for (const pid of entry.left()) signal(pid, 'SIGKILL');
    await until('all are gone', () => entry.left().length === 0);

    writeFileSync(entry.path(2, 'launch'), `echo again >>'${entry.path(2, 'journal')}'\nset -- true\n`);
    entry.start();
    for (const nonsense of ['2', '1', '', 'x', '../2', '3']) entry.want(nonsense);
    entry.launch(4, 'echo four');
    await entry.ended(4);
    expect([entry.read(1, 'journal'), entry.read(2, 'journal'), entry.read(2, 'exit')]).toEqual([
      `one\n${end(0)}`,
      'two\n',
      '',
    ]);
    expect(entry.read(4, 'journal')).toBe(`four\n${end(0)}`);
    expect(readdirSync(entry.folder).sort()).toEqual(['gen', 'wake', 'want']);
    expect(await entry.stop('SIGINT')).toBe(143);
  });

  it('goes on after its runtime was killed, and completes a torn last line', async () => {
    entry.launch(1, 'printf torn; exec sleep 500');
    entry.start();
    await until('it has written', () => entry.read(1, 'journal'));
    signal(Number((await entry.started(1)).split(' ')[0]), 'SIGKILL');
    expect(await entry.ended(1)).toBe('137\n');
    expect(entry.read(1, 'journal')).toBe(`torn\n${end(137)}`);
    entry.launch(2, 'cat');
    await entry.started(2);
    expect(await entry.stop()).toBe(143);
    expect(entry.read(2, 'journal')).toBe(end(143));
    expect(entry.left()).toEqual([]);
  });

  it('kills a runtime that ignores TERM, a feeder that is blocked and children of the same group', async () => {
    entry.launch(1, 'trap "" TERM; exec 0<&-; sleep 500 & echo ready; while :; do sleep 1; done');
    entry.start();
    await until('it is ready', () => entry.read(1, 'journal').includes('ready'));
    entry.spool(1, 1, 'x'.repeat(3_000_000));
    await until('the feeder is blocked', () =>
      entry.left().some((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('cat\0spool/1')),
    );
    expect(await entry.stop()).toBe(143);
    expect([entry.read(1, 'exit'), entry.read(1, 'fed')]).toEqual(['137\n', '']);
    expect(entry.left()).toEqual([]);
  });

  it('ends at once when it is idle, and gives a runtime time to say goodbye', async () => {
    entry.launch(1, 'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.1; done');
    entry.start();
    await until('it is ready', () => entry.read(1, 'journal').includes('ready'));
    expect(await entry.stop()).toBe(143);
    expect(entry.read(1, 'journal')).toBe(`ready\nbye\n${end(5)}`);
    entry.start();
    await until('it minds TERM', () => entry.left().length === 1 && entry.left().every(mindsTerm));
    expect(await entry.stop()).toBe(143);
  });

  it('says what is wrong when it cannot work', async () => {
    entry.start([]);
    expect(await entry.code()).toBe(70);
    entry.start([join(entry.folder, 'absent'), '-']);
    expect(await entry.code()).toBe(70);
    mkdirSync(entry.path(1, 'bell'), { recursive: true });
    entry.launch(1, 'true');
    entry.start();
    expect(await entry.code()).toBe(72);
    await until('it has said so', () => entry.output.includes('flotilla: generation 1 cannot be prepared'));
    entry.launch(2, 'true');
    writeFileSync(entry.path(2, 'launch'), `FLOTILLA_CWD='/absent'\nset -- 'true'\n`);
    entry.start();
    expect(await entry.ended(2)).toBe('125\n');
  });

  it('feeds every line once and in order although its writers are killed with -9', async () => {
    entry.launch(1, 'exec cat');
    entry.start();
    await entry.started(1);
    const fed = () => Number(entry.read(1, 'fed'));
    // Some are longer than a pipe holds.
    const lengthOf = (n: number) => (n % 37 === 0 ? 200_000 : n % 5 === 0 ? 5000 : 40 + (n % 100));
    const lines = Array.from({ length: 800 }, (_, at) => `${at + 1} ${'x'.repeat(lengthOf(at + 1))}\n`);
    const file = join(entry.folder, 'lines');
    writeFileSync(file, lines.join(''));
    let kills = 0;
    for (let done = false; !done;) {
      const child = spawn(process.execPath, [writer, entry.path(1), file], { stdio: 'inherit' });
      const exited = once(child, 'exit') as Promise<[number | null]>;
      const some = fed() + 1 + ((kills * 7) % 40); // another moment each time
      if (some < lines.length) {
        await until('the writer is at work', () => fed() >= some);
        child.kill('SIGKILL');
      }
      done = (await exited)[0] === 0;
      if (!done) kills += 1;
    }
    await until('all is read', () => entry.read(1, 'journal').length >= lines.join('').length);
    expect(entry.read(1, 'journal') === lines.join('')).toBe(true);
    expect(kills).toBeGreaterThan(20);
  });
});
