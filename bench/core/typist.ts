import { Client as Ssh } from 'ssh2';
import { WebSocket } from 'ws';
import { attachedExec } from '../refs/raw-docker.js';
import type { ManagingDialect } from '../dialects/dialect.js';
import type { Product } from './product.js';

/** Somebody at a terminal: types a key, and waits until it is shown. */
export class Typist {
  private shown = '';
  private awaited: {
    readonly text: string;
    readonly seen: () => void;
    readonly failed: (error: Error) => void;
  } | null = null;

  constructor(
    private readonly type: (text: string) => void,
    readonly leave: () => void,
  ) {}

  show(data: Buffer): void {
    this.shown += data.toString('latin1');
    if (!this.awaited || !this.shown.includes(this.awaited.text)) return;
    const { seen } = this.awaited;
    this.awaited = null;
    seen();
  }

  over(why: string): void {
    this.awaited?.failed(new Error(`the terminal is over: ${why}`));
  }

  /** Something is there: what is typed before may be lost. */
  started(): Promise<void> {
    return this.until('', () => undefined);
  }

  /** A shell that has answered is ready for keys. */
  async ready(): Promise<void> {
    // The arithmetic: what is typed is shown as well and must not be taken for the answer.
    await this.until('READY42', () => this.type('echo READY$((40+2))\r'));
  }

  /** Milliseconds from each key to its echo. The line is thrown away afterwards. */
  async keys(count: number): Promise<number[]> {
    const values: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const key = 'abcdefghij'.charAt(index % 10);
      const began = performance.now();
      await this.until(key, () => this.type(key));
      values.push(performance.now() - began);
    }
    this.type('\u0015'); // throws the line away; an interrupt would throw away what is typed next as well
    await this.ready();
    return values;
  }

  private until(text: string, act: () => void): Promise<void> {
    this.shown = '';
    return new Promise((seen, failed) => {
      const timer = setTimeout(() => failed(new Error(`${text} was not shown`)), 30_000);
      const done = (settle: () => void) => (): void => {
        clearTimeout(timer);
        settle();
      };
      this.awaited = { text, seen: done(seen), failed: (error) => done(() => failed(error))() };
      act();
    });
  }
}

/** The reference: the same shell on a terminal of an exec, with nothing between. */
export async function atRawExec(id: string): Promise<Typist> {
  const shell = { Cmd: ['/bin/bash', '-l'], User: 'developer', Env: ['TERM=xterm-256color', 'HOME=/home/developer'] };
  const socket = await attachedExec(id, { ...shell, WorkingDir: '/home/developer' });
  const typist = new Typist(
    (text) => void socket.write(text),
    () => socket.destroy(),
  );
  socket.on('data', (data: Buffer) => typist.show(data));
  socket.on('error', () => undefined).on('close', () => typist.over('closed'));
  await typist.started();
  await typist.ready();
  return typist;
}

/** As a browser does it. */
export async function atSocket(
  product: Product,
  dialect: ManagingDialect,
  name: string,
  token: string,
): Promise<Typist> {
  const { terminal } = dialect;
  if (!terminal) throw new Error(`${dialect.name} has no terminal`);
  const socket = new WebSocket(`${product.url.replace('http', 'ws')}${terminal.path(name)}`);
  const typist = new Typist(
    (text) => socket.send(text),
    () => socket.close(),
  );
  await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.on('message', (data: Buffer, binary) => binary && typist.show(data));
  socket.on('close', (code, why) => typist.over(`${code} ${why.toString()}`));
  socket.send(terminal.hello(token));
  await typist.started();
  await typist.ready();
  return typist;
}

/** Over the SSH gateway. */
export async function atSsh(port: number, username: string, privateKey: string): Promise<Typist> {
  const client = new Ssh();
  client.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve).once('error', reject);
    client.connect({ host: '127.0.0.1', port, username, privateKey });
  });
  return new Promise((resolve, reject) => {
    client.shell({ term: 'xterm-256color' }, (error, channel) => {
      if (error) return reject(error);
      const typist = new Typist(
        (text) => void channel.write(text),
        () => client.end(),
      );
      channel.on('data', (data: Buffer) => typist.show(data));
      channel.on('close', () => typist.over('closed'));
      typist
        .started()
        .then(() => typist.ready())
        .then(() => resolve(typist), reject);
    });
  });
}
