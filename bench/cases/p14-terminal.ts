import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type Bar, type Bench, interleave, type Row, type Scale, type Take } from '../core/bench.js';
import { dockerFixture, type DockerFixture, runtime } from '../core/docker-fixture.js';
import { createAgent, freePort } from '../core/product.js';
import { atRawExec, atSocket, atSsh, type Typist } from '../core/typist.js';
import { PlainSshd } from '../refs/plain-sshd.js';
import { remove, run } from '../refs/raw-docker.js';

const name = 'terminal';
const echo: readonly Bar[] = [
  { measure: 'p50', of: 'added', sense: 'most', limit: 3 },
  { measure: 'p95', of: 'added', sense: 'most', limit: 10 },
];

/** A person at a terminal of an agent: what the way through the product adds to each key, and how long signing in over SSH takes. */
export const terminals: Bench = {
  id: 'P14',
  title: 'terminal and SSH',
  async run(world, scale) {
    const fixture = await dockerFixture(world);
    if (!fixture) return [];
    const { client, same } = fixture;
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-bench-ssh-'));
    const key = join(folder, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const publicKey = readFileSync(`${key}.pub`, 'utf8').trim();
    await createAgent(client, name, runtime);
    const id = await run(same(`terminal-${Date.now().toString(36)}`));
    try {
      const access = client.dialect.sshAccess?.(name, publicKey);
      if (access) await client.ok(access);
      const rows = await echoes(fixture, id, access ? readFileSync(key, 'utf8') : null, scale);
      return access ? [...rows, ...(await logins(fixture, { key, publicKey }, scale))] : rows;
    } finally {
      await client.ok(client.dialect.remove(name));
      await remove(id);
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function echoes(
  { client, product }: DockerFixture,
  id: string,
  privateKey: string | null,
  scale: Scale,
): Promise<Row[]> {
  const { dialect, token } = client;
  const raw = await atRawExec(id);
  const browser = dialect.terminal ? await atSocket(product, dialect, name, token) : null;
  const ssh = privateKey === null ? null : await atSsh(product.sshPort, name, privateKey);
  const count = scale.pick(100, 300);
  const take = async (typist: Typist | null): Promise<Take> => {
    const before = await product.usage();
    const values = (await typist?.keys(count)) ?? [];
    return { values, cpuMs: (await product.usage()).cpuMs - before.cpuMs };
  };
  const takes = await interleave(scale.rounds, {
    raw: async () => ({ values: await raw.keys(count) }),
    browser: () => take(browser),
    ssh: () => take(ssh),
  });
  for (const typist of [raw, browser, ssh]) typist?.leave();
  const row = (what: string, product_: Take[]): Row => ({
    id: 'P14',
    what: `${what}, ${dialect.name}`,
    reference: 'raw attached exec, same shell',
    unit: 'ms',
    bars: echo,
    product: product_,
    referenceTakes: takes.raw,
    notes: [`${count} keys a round, one at a time, in bash`],
  });
  return [
    ...(browser ? [row('echo of a key, browser socket', takes.browser)] : []),
    ...(ssh ? [row('echo of a key, SSH', takes.ssh)] : []),
  ];
}

async function logins(
  { product, client }: DockerFixture,
  { key, publicKey }: { key: string; publicKey: string },
  scale: Scale,
): Promise<Row[]> {
  const sshd = await PlainSshd.start(await freePort(), publicKey);
  if (!sshd) return [];
  const times = scale.pick(3, 8);
  try {
    const side = (port: number, user: string, commands: boolean) => async (): Promise<Take> => {
      const values: number[] = [];
      for (let turn = 0; turn < times; turn += 1) {
        values.push(await (commands ? command : signIn)(port, user, key));
      }
      return { values };
    };
    const { username } = userInfo();
    const signed = await interleave(scale.rounds, {
      reference: side(sshd.port, username, false),
      product: side(product.sshPort, name, false),
    });
    const ran = await interleave(scale.rounds, {
      reference: side(sshd.port, username, true),
      product: side(product.sshPort, name, true),
    });
    const row = (what: string, reference: string, takes: typeof signed, bars: readonly Bar[]): Row => ({
      id: 'P14',
      what: `${what}, ${client.dialect.name}`,
      reference,
      unit: 'ms',
      bars,
      product: takes.product,
      referenceTakes: takes.reference,
      notes: ['a new OpenSSH client each time, its start included'],
    });
    return [
      row('SSH login', 'OpenSSH server on loopback', signed, [
        { measure: 'p50', of: 'ratio', sense: 'most', limit: 1.5 },
      ]),
      row('SSH login, and true in the container', 'OpenSSH server, true on this machine', ran, []),
    ];
  } finally {
    await sshd.end();
  }
}

function options(port: number, user: string, key: string): string[] {
  const plain = ['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'];
  return ['-F', 'none', '-i', key, '-p', String(port), ...plain.flatMap((one) => ['-o', one]), `${user}@127.0.0.1`];
}

/** Milliseconds until the stock client says that it was let in. */
async function signIn(port: number, user: string, key: string): Promise<number> {
  const began = performance.now();
  const child = spawn('ssh', ['-v', '-N', ...options(port, user, key)], { stdio: ['ignore', 'ignore', 'pipe'] });
  const over = once(child, 'close');
  let said = '';
  const took = await new Promise<number>((resolve, reject) => {
    child.stderr.on('data', (data: Buffer) => {
      said += data.toString();
      if (said.includes('Authenticated to ')) resolve(performance.now() - began);
    });
    child.once('close', () => reject(new Error(`ssh was not let in:\n${said.slice(-1000)}`)));
  });
  child.kill();
  await over;
  return took;
}

async function command(port: number, user: string, key: string): Promise<number> {
  const began = performance.now();
  const child = spawn('ssh', [...options(port, user, key), 'true'], { stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`ssh ended with ${code}`);
  return performance.now() - began;
}
