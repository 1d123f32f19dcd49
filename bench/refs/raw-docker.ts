import { Agent, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const socketPath = process.env.BENCH_DOCKER_SOCKET ?? '/var/run/docker.sock';

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

/** Reference: the engine's own API over kept connections, without any library. Fails on 400 and more. */
export function docker(method: string, path: string, body?: object): Promise<RawAnswer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers =
    text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const sent = request({ agent, socketPath, method, path: `/v1.41${path}`, headers }, (answer: IncomingMessage) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const said = Buffer.concat(parts).toString();
        const status = answer.statusCode ?? 0;
        if (status >= 400) reject(new Error(`${method} ${path} answered ${status} ${said}`));
        else resolve({ status, text: said });
      });
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

export const parsed = (answer: RawAnswer): Record<string, unknown> =>
  JSON.parse(answer.text) as Record<string, unknown>;

/** Makes and starts a container. @returns its id */
export async function run(options: object): Promise<string> {
  const id = String(parsed(await docker('POST', '/containers/create', options))['Id']);
  await docker('POST', `/containers/${id}/start`);
  return id;
}

/** A program on a terminal in a container: what is written is typed, what is read is shown. */
export async function attachedExec(id: string, options: object): Promise<Socket> {
  const wish = { ...options, AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: true };
  const execId = String(parsed(await docker('POST', `/containers/${id}/exec`, wish))['Id']);
  const text = JSON.stringify({ Detach: false, Tty: true });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const path = `/v1.41/exec/${execId}/start`;
    const upgrade = { ...headers, connection: 'Upgrade', upgrade: 'tcp' };
    const sent = request({ socketPath, method: 'POST', path, headers: upgrade });
    sent.once('upgrade', (_answer, socket: Socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    sent.once('response', ({ statusCode }) => reject(new Error(`an exec was answered with ${statusCode}`)));
    sent.once('error', reject);
    sent.end(text);
  });
}

/** Runs a command to its end: create, start (attached), inspect. @returns its exit code */
export async function exec(id: string, argv: readonly string[]): Promise<number> {
  const made = await docker('POST', `/containers/${id}/exec`, { Cmd: argv, AttachStdout: true, AttachStderr: true });
  const execId = String(parsed(made)['Id']);
  await docker('POST', `/exec/${execId}/start`, { Detach: false, Tty: false });
  return Number(parsed(await docker('GET', `/exec/${execId}/json`))['ExitCode']);
}

export async function remove(id: string): Promise<void> {
  await docker('DELETE', `/containers/${id}?force=true&v=true`);
}

/** Removes a container and the named volumes it has mounted. */
export async function removeWithVolumes(id: string): Promise<void> {
  const { Mounts } = parsed(await docker('GET', `/containers/${id}/json`)) as {
    Mounts: { Type: string; Name: string }[];
  };
  await remove(id);
  for (const { Type, Name } of Mounts) if (Type === 'volume') await docker('DELETE', `/volumes/${Name}`);
}
