import { PassThrough, type Duplex, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { ExecHandle, ExecRequest } from '../../core/instances/engine.port.js';
import type { Connection } from './connection.js';
import { demux } from './demux.js';
import { isFault } from './errors.js';
import { placePath } from './labels.js';

const bufferBytes = 256 * 1024;
/** How long the engine may take to know the exit code once the output is over. */
const exitMs = 10_000;

/** Starts a process in a running container and connects its streams. */
export async function startExec(engine: Connection, ref: string, request: ExecRequest): Promise<ExecHandle> {
  const tty = request.tty !== undefined;
  const exec = await engine.call('starting a process', (abortSignal) =>
    engine.docker.getContainer(ref).exec({
      Cmd: [...request.argv],
      User: request.user,
      WorkingDir: request.cwd ?? (request.user === 'developer' ? placePath.home : '/'),
      Env: Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`),
      Tty: tty,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      abortSignal,
    }),
  );
  const socket = await engine.call('starting a process', (abortSignal) =>
    exec.start({ hijack: true, stdin: true, Detach: false, Tty: tty, abortSignal }),
  );
  const handle = new DockerExec(engine, exec, socket, tty);
  if (request.tty) await handle.resize(request.tty.cols, request.tty.rows);
  return handle;
}

class DockerExec implements ExecHandle {
  readonly stdout = new PassThrough({ highWaterMark: bufferBytes });
  readonly stderr = new PassThrough({ highWaterMark: bufferBytes });
  readonly exited: Promise<number | null>;
  private closed = false;

  constructor(
    private readonly engine: Connection,
    private readonly exec: Docker.Exec,
    private readonly socket: Duplex,
    tty: boolean,
  ) {
    const over = new Promise<void>((resolve) => {
      socket.once('end', resolve).once('close', resolve).on('error', resolve);
    });
    if (tty) socket.pipe(this.stdout, { end: false });
    else demux(socket, this.stdout, this.stderr);
    this.exited = over.then(() => this.settle());
  }

  get stdin(): Duplex {
    return this.socket;
  }

  async resize(cols: number, rows: number): Promise<void> {
    if (this.closed) return;
    try {
      await this.engine.call('resizing a terminal', (abortSignal) =>
        this.exec.resize({ h: rows, w: cols, abortSignal }),
      );
    } catch (error) {
      // The process has not quite started or is over; neither is worth failing for.
      if (!isFault(error, 'not_found', 'conflict', 'refused')) throw error;
    }
  }

  close(): void {
    this.closed = true;
    this.socket.destroy();
  }

  private async settle(): Promise<number | null> {
    this.stdout.end();
    this.stderr.end();
    await Promise.all([consumed(this.stdout), consumed(this.stderr)]);
    return this.closed ? null : this.exitCode();
  }

  /** The engine's answer may lag behind the end of the output. */
  private async exitCode(): Promise<number | null> {
    const deadline = Date.now() + exitMs;
    for (let pause = 5; Date.now() < deadline; pause = Math.min(pause * 2, 250)) {
      try {
        const info = await this.engine.call('asking for an exit code', (abortSignal) =>
          this.exec.inspect({ abortSignal }),
        );
        if (!info.Running) return info.ExitCode;
      } catch {
        return null;
      }
      await sleep(pause);
    }
    return null;
  }
}

/** Waits until a stream's reader has everything; does not wait where nobody reads. */
function consumed(stream: Readable): Promise<void> {
  const read = stream.readableFlowing !== null || stream.listenerCount('readable') > 0;
  if (!read || stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('end', resolve).once('close', resolve);
  });
}
