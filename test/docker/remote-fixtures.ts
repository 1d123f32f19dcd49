import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { Server, utils } from 'ssh2';
import { socketPath } from './support.js';

/** Joins two streams; the end of one side does not end the other direction. */
function join(client: Duplex): Socket {
  const engine = net.connect({ path: socketPath, allowHalfOpen: true });
  client.pipe(engine).pipe(client);
  client.on('error', () => engine.destroy()).on('close', () => engine.destroy());
  engine.on('error', () => client.destroy());
  return engine;
}

function listening(server: net.Server, where: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => server.once('error', reject).listen(where, resolve));
}

function closed(server: { close(done: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** A proxy in front of the engine's socket whose connections can be cut and refused. */
export async function cuttableEngine() {
  const folder = mkdtempSync(path.join(tmpdir(), 'flotilla-cut-'));
  const file = path.join(folder, 'engine.sock');
  const open = new Set<Socket>();
  let refusing = false;
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    if (refusing) return void client.destroy();
    open.add(client);
    client.once('close', () => open.delete(client));
    join(client);
  });
  await listening(server, { path: file });
  return {
    dockerHost: `unix://${file}`,
    cut: () => {
      refusing = true;
      for (const client of open) client.destroy();
    },
    mend: () => (refusing = false),
    close: async () => {
      for (const client of open) client.destroy();
      await closed(server);
      rmSync(folder, { recursive: true });
    },
  };
}

/** The engine behind mutual TLS, with certificates made for the occasion. */
export async function tlsEngine() {
  const folder = mkdtempSync(path.join(tmpdir(), 'flotilla-tls-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const authority = (name: string) => {
    const subject = [
      '-subj',
      `/CN=${name}`,
      '-days',
      '1',
      '-nodes',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
    ];
    openssl('req', '-x509', ...subject, '-keyout', `${name}-key.pem`, '-out', `${name}.pem`);
  };
  const issue = (name: string, by: string) => {
    const key = ['-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}-key.pem`, '-out', `${name}.csr`);
    writeFileSync(path.join(folder, 'names'), 'subjectAltName=IP:127.0.0.1');
    const signing = ['-CA', `${by}.pem`, '-CAkey', `${by}-key.pem`, '-CAcreateserial', '-days', '1'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-extfile', 'names', '-out', `${name}.pem`);
  };
  authority('ca');
  authority('stranger');
  issue('server', 'ca');
  issue('client', 'ca');
  const read = (name: string) => readFileSync(path.join(folder, name));
  /** A folder as DOCKER_CERT_PATH wants it. */
  const clientFolder = (name: string, ca: string): string => {
    const made = mkdtempSync(path.join(folder, 'cert-'));
    writeFileSync(path.join(made, 'ca.pem'), read(`${ca}.pem`));
    writeFileSync(path.join(made, 'cert.pem'), read(`${name}.pem`));
    writeFileSync(path.join(made, 'key.pem'), read(`${name}-key.pem`));
    return made;
  };
  const identity = { ca: read('ca.pem'), cert: read('server.pem'), key: read('server-key.pem') };
  const server = tls.createServer({ ...identity, requestCert: true, allowHalfOpen: true }, join);
  const open = new Set<Socket>();
  server.on('tlsClientError', () => undefined);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await listening(server, { port: 0, host: '127.0.0.1' });
  return {
    dockerHost: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    certPath: clientFolder('client', 'ca'),
    /** Trusts another authority than the one that signed the engine's certificate. */
    foreignPath: clientFolder('client', 'stranger'),
    close: async () => {
      for (const socket of open) socket.destroy();
      await closed(server);
      rmSync(folder, { recursive: true });
    },
  };
}

/** About one in 200 of the library's new keys cannot be read back by itself. */
function newKey() {
  for (;;) {
    const pair = utils.generateKeyPairSync('ed25519');
    if (!(utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}

/** An SSH server that forwards to local sockets and counts its connections and channels. */
export async function sshEngine() {
  const [hostKey, userKey] = [newKey(), newKey()];
  const counts = { connections: 0, channels: 0 };
  const open = new Set<{ end(): unknown }>();
  const server = new Server({ hostKeys: [hostKey.private] }, (client) => {
    counts.connections++;
    open.add(client);
    client.on('close', () => open.delete(client)).on('error', () => undefined);
    const allowed = userKey.public.split(' ')[1];
    client.on('authentication', (login) => {
      const known = login.method === 'publickey' && login.key.data.toString('base64') === allowed;
      if (known) login.accept();
      else login.reject(['publickey']);
    });
    client.on('openssh.streamlocal', (accept) => {
      counts.channels++;
      join(accept());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    dockerHost: `ssh://fleet@127.0.0.1:${port}`,
    ssh: { privateKey: userKey.private, knownHosts: `[127.0.0.1]:${port} ${hostKey.public}\n` },
    counts,
    cut: () => open.forEach((client) => client.end()),
    close: async () => {
      open.forEach((client) => client.end());
      await closed(server);
    },
  };
}
