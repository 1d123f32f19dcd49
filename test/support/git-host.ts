import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** One request that reached the host. */
export interface SeenRequest {
  readonly path: string;
  readonly authorization: string | null;
}

/** A git host of its own: real `git http-backend` behind a server that wants a token for everything below `private/`. */
export async function gitHost(token: string) {
  const root = mkdtempSync(path.join(tmpdir(), 'git-host-'));
  const seen: SeenRequest[] = [];
  const basic = `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
  let hangs = false;

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    seen.push({ path: url.pathname, authorization: request.headers.authorization ?? null });
    if (hangs) return;
    if (url.pathname.startsWith('/private/') && request.headers.authorization !== basic) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const backend = spawn('git', ['http-backend'], {
      env: {
        PATH: '/usr/bin:/bin',
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        REQUEST_METHOD: request.method ?? 'GET',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      },
    });
    request.pipe(backend.stdin);
    backend.stdin.on('error', () => undefined);
    const pieces: Buffer[] = [];
    backend.stdout.on('data', (piece: Buffer) => pieces.push(piece));
    backend.on('close', () => {
      const answer = Buffer.concat(pieces);
      const cut = answer.indexOf('\r\n\r\n');
      const headers = answer.toString('latin1', 0, cut).split('\r\n');
      let status = 200;
      for (const line of headers) {
        const [name = '', value = ''] = line.split(/:\s*/, 2);
        if (name.toLowerCase() === 'status') status = Number(value.split(' ')[0]);
        else if (name !== '') response.setHeader(name, value);
      }
      response.writeHead(status).end(answer.subarray(cut + 4));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const host = {
    url: `http://127.0.0.1:${port}`,
    seen,

    /** Makes (or adds a commit to) a repository such as `private/app`. */
    commit(repository: string, files: Readonly<Record<string, string>>, branch = 'trunk'): void {
      const bare = path.join(root, `${repository}.git`);
      const work = mkdtempSync(path.join(tmpdir(), 'git-work-'));
      const run = (...args: string[]): void => {
        const who = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', '-c', 'core.hooksPath=/dev/null'];
        execFileSync('git', [...who, ...args], { cwd: work, stdio: 'pipe' });
      };
      try {
        mkdirSync(bare, { recursive: true });
        execFileSync('git', ['init', '--bare', '-q', '-b', 'trunk', bare]);
        run('init', '-q', '-b', branch);
        for (const [name, text] of Object.entries(files)) {
          mkdirSync(path.dirname(path.join(work, name)), { recursive: true });
          writeFileSync(path.join(work, name), text);
        }
        run('add', '-A', '-f');
        run('commit', '-q', '-m', 'files', '--allow-empty');
        run('push', '-q', '-f', bare, `${branch}:${branch}`);
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    },

    /** From now on no request is answered. */
    hang(now: boolean): void {
      hangs = now;
      if (!now) server.closeAllConnections();
    },

    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(root, { recursive: true, force: true });
    },
  };
  return host;
}

export type GitHost = Awaited<ReturnType<typeof gitHost>>;
