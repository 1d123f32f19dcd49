import { Agent, type IncomingMessage, request } from 'node:http';
import { pack, type Pack } from 'tar-stream';

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const socketPath = process.env.BENCH_DOCKER_SOCKET ?? '/var/run/docker.sock';
const archive = (id: string, path: string): string =>
  `/v1.41/containers/${id}/archive?path=${encodeURIComponent(path)}`;

/** Reference: one file put into a container by the engine's archive call. */
export async function putFile(id: string, folder: string, name: string, bytes: Buffer): Promise<void> {
  const tar = pack();
  tar.entry({ name, mode: 0o644, uid: 10001, gid: 10001 }, bytes);
  await putTar(id, folder, tar);
}

/** Empty files, all in one archive. */
export async function putMany(id: string, folder: string, names: readonly string[]): Promise<void> {
  const tar = pack();
  for (const name of names) tar.entry({ name, mode: 0o644, uid: 10001, gid: 10001 }, '');
  await putTar(id, folder, tar);
}

function putTar(id: string, folder: string, tar: Pack): Promise<void> {
  tar.finalize();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-tar' };
    const sent = request({ agent, socketPath, method: 'PUT', path: archive(id, folder), headers }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`putting an archive answered ${answer.statusCode}`));
      });
    });
    sent.on('error', reject);
    tar.pipe(sent);
  });
}

/** What is at a path, as the engine's archive of it. @returns the bytes of the archive */
export function getArchive(id: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const got = (answer: IncomingMessage): void => {
      let bytes = 0;
      answer.on('data', (part: Buffer) => (bytes += part.length));
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(bytes);
        else reject(new Error(`getting an archive answered ${answer.statusCode}`));
      });
    };
    request({ agent, socketPath, method: 'GET', path: archive(id, path) }, got)
      .on('error', reject)
      .end();
  });
}
