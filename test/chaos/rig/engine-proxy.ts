import { rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * What happens to calls of the engine that match: `delay` them, answer `fail` (500) without asking it, `lose` its answer
 * after it did the work, or keep a stream open and `swallow` what comes.
 */
export interface EngineFault {
  readonly kind: 'delay' | 'fail' | 'lose' | 'swallow';
  readonly call: RegExp;
  readonly ms?: number;
  /** How often it strikes; default always. */
  times?: number;
}

/** A Unix socket in front of the real engine's, on which everything that can go wrong does when it is asked to. */
export class EngineProxy {
  /** Calls that a fault struck, as `METHOD /path`. */
  readonly struck: string[] = [];
  faults: EngineFault[] = [];
  private server: Server | null = null;
  private readonly sockets = new Set<Duplex>();
  private readonly open = new Map<symbol, string>();

  constructor(
    readonly path: string,
    private readonly target = '/var/run/docker.sock',
  ) {}

  get url(): string {
    return `unix://${this.path}`;
  }

  /** Calls and streams that are under way. */
  get inFlight(): string[] {
    return [...this.open.values()];
  }

  get takesCalls(): boolean {
    return this.server !== null;
  }

  /** Takes calls, again. */
  mend(): Promise<void> {
    rmSync(this.path, { force: true });
    const server = createServer((call, reply) => void this.pass(call, reply));
    server.on('connection', (socket: Socket) => this.keep(socket));
    server.on('upgrade', (call, socket: Socket, head) => this.hijack(call, socket, head));
    server.on('clientError', (_error, socket) => socket.destroy());
    server.requestTimeout = 0;
    server.headersTimeout = 0;
    this.server = server;
    return new Promise((resolve) => server.listen(this.path, resolve));
  }

  /** Every connection breaks and no new one is taken. @returns what was under way */
  cut(): string[] {
    const broken = this.inFlight;
    this.server?.close();
    this.server = null;
    rmSync(this.path, { force: true });
    for (const socket of this.sockets) socket.destroy();
    return broken;
  }

  private keep(socket: Duplex): void {
    if (this.sockets.has(socket)) return;
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
  }

  /** The fault for a call, which it uses up. */
  private faultOf(call: string): EngineFault | null {
    const fault = this.faults.find((one) => one.call.test(call) && one.times !== 0);
    if (!fault) return null;
    if (fault.times !== undefined) fault.times -= 1;
    this.struck.push(`${fault.kind} ${call}`);
    return fault;
  }

  private async pass(call: IncomingMessage, reply: ServerResponse): Promise<void> {
    const name = `${call.method} ${call.url}`;
    const fault = this.faultOf(name);
    this.note(name, reply);
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms ?? 1000));
    if (fault?.kind === 'fail') {
      call.resume();
      reply.writeHead(500, { 'content-type': 'application/json' }).end('{"message":"injected by the fault proxy"}');
      return;
    }
    const { method, url: path, headers } = call;
    const upstream = request({ socketPath: this.target, method, path, headers }, (answer) => {
      if (fault?.kind === 'lose') {
        answer.resume();
        answer.once('end', () => reply.destroy());
        return;
      }
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      reply.flushHeaders();
      if (fault?.kind === 'swallow') answer.resume();
      else answer.pipe(reply);
      answer.once('error', () => reply.destroy());
    });
    upstream.on('socket', (socket) => this.keep(socket));
    upstream.once('error', () => reply.destroy());
    reply.once('close', () => upstream.destroy());
    call.pipe(upstream);
  }

  private hijack(call: IncomingMessage, socket: Socket, head: Buffer): void {
    const upstream = connect(this.target);
    this.keep(upstream);
    this.note(`${call.method} ${call.url}`, socket);
    const lines = call.rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
    upstream.write(`${call.method} ${call.url} HTTP/1.1\r\n${lines}\r\n`);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
    socket.once('close', () => upstream.destroy());
    upstream.once('close', () => socket.destroy());
  }

  private note(name: string, until: ServerResponse | Socket): void {
    const key = Symbol(name);
    this.open.set(key, name);
    until.once('close', () => this.open.delete(key));
  }
}
