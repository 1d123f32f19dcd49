import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { demoModelEntry } from '../../../test/support/demo-model.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { until } from '../../../test/support/until.js';
import type { Config, ProviderConfig, ProviderName } from '../../config/config.js';
import { Secret } from '../../core/credentials/secret.js';
import { readState, startTimeOf } from '../../demo-model/state.js';
import { ModelProcess } from './model-process.js';

const folders: string[] = [];
const all: ModelProcess[] = [];
const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find((address) => address.family === 'IPv4' && !address.internal)?.address;

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'flotilla-models-'));
  folders.push(folder);
  return folder;
}

function provider(settings: Partial<ProviderConfig>): ProviderConfig {
  return { apiKey: null, oauthToken: null, baseUrl: null, ...settings };
}

interface Settings {
  readonly dataDir?: string;
  readonly providers?: Partial<Record<ProviderName, ProviderConfig>>;
  readonly defaultModel?: string;
  readonly clock?: ManualClock;
  readonly entry?: string;
}

function models(settings: Settings = {}): { own: ModelProcess; dataDir: string } {
  const dataDir = settings.dataDir ?? newFolder();
  const config = { dataDir, providers: settings.providers ?? {}, defaultModel: settings.defaultModel ?? null };
  const own = new ModelProcess(
    config as Config,
    settings.clock ?? new ManualClock(),
    settings.entry ?? demoModelEntry(),
  );
  all.push(own);
  return { own, dataDir };
}

const isAlive = (pid: number): boolean => startTimeOf(pid) !== null;
const pidOf = (dataDir: string): number => readState(dataDir)?.pid ?? 0;

afterAll(async () => {
  await Promise.all(all.map((own) => own.stop()));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('endpoints', () => {
  it('are the demo model for everyone when no provider is configured', async () => {
    const { own, dataDir } = models();
    const found = await Promise.all(
      (['anthropic', 'openai', 'google'] as const).map((name) => own.endpoint(name, '127.0.0.1')),
    );
    const origin = `http://127.0.0.1:${readState(dataDir)?.port ?? 0}`;
    expect(found.map((endpoint) => endpoint?.baseUrl)).toEqual([origin, `${origin}/v1`, origin]);
    expect(found[0]).toMatchObject({ demo: true, defaultModel: 'demo-1', oauthToken: null });
    expect(found[0]?.apiKey?.reveal()).toBe('flotilla-demo');
    expect(own.describe()).toBe('demo model (scripted, no provider configured)');
    expect((await fetch(`${origin}/v1/models`)).status).toBe(200);
  });

  it('are the configured providers only, and need no process, when there are some', async () => {
    const apiKey = new Secret('k');
    const google = provider({ baseUrl: 'https://user:pass@gemini.example/v1beta/' });
    const { own, dataDir } = models({ providers: { anthropic: provider({ apiKey }), google } });
    await own.ensure('172.17.0.1');
    expect(await own.endpoint('anthropic', '172.17.0.1')).toMatchObject({ demo: false, baseUrl: null, apiKey });
    expect(await own.endpoint('google', '172.17.0.1')).toMatchObject({ baseUrl: 'https://user:pass@gemini.example' });
    expect(await own.endpoint('openai', '172.17.0.1')).toBeNull();
    expect(['anthropic', 'openai', 'google'].map((name) => own.has(name as ProviderName))).toEqual([true, false, true]);
    expect(own.describe()).toBe('anthropic, google at https://gemini.example/v1beta/');
    expect(existsSync(path.join(dataDir, 'model.json'))).toBe(false);
  });

  it.each([
    ['its own', undefined, 'claude-opus-5-5'],
    ['the configured one', 'mine', 'mine'],
  ])('have a default model: %s', async (_what, defaultModel, expected) => {
    const providers = { anthropic: provider({ apiKey: new Secret('k') }) };
    const { own } = models({ providers, ...(defaultModel === undefined ? {} : { defaultModel }) });
    expect((await own.endpoint('anthropic', '127.0.0.1'))?.defaultModel).toBe(expected);
  });

  it('lead through the relay to a server on loopback, from anywhere else than loopback', async () => {
    const upstream = http.createServer((request, response) => {
      response.end(`${request.url ?? ''} ${request.headers.authorization ?? ''}`);
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://localhost:${(upstream.address() as AddressInfo).port}/v1`;
    const { own } = models({ providers: { openai: provider({ baseUrl }) } });

    expect(await own.endpoint('openai', '127.0.0.1')).toMatchObject({ baseUrl });
    const host = outside ?? '127.0.0.2';
    const endpoint = await own.endpoint('openai', host);
    expect(endpoint?.apiKey?.reveal()).toBe('no-key');
    if (outside !== undefined) {
      expect(endpoint?.baseUrl).toMatch(new RegExp(`^http://${outside}:\\d+/_relay/openai/v1$`));
      const headers = { authorization: 'Bearer k' };
      const answer = await fetch(`${endpoint?.baseUrl ?? ''}/models`, { headers });
      expect(await answer.text()).toBe('/v1/models Bearer k');
    }
    upstream.close();
    upstream.closeAllConnections();
  });

  it('say clearly that an address is not of this machine', async () => {
    const { own } = models();
    await expect(own.endpoint('openai', '192.0.2.1')).rejects.toThrow('Cannot listen on 192.0.2.1');
  });
});

describe('the process', () => {
  it('is found again by the next server, and replaced on the same port when the configuration differs', async () => {
    const { own, dataDir } = models();
    await Promise.all([own.ensure('127.0.0.1'), own.ensure('127.0.0.1')]);
    const before = readState(dataDir);
    own.onApplicationShutdown();

    await models({ dataDir }).own.ensure('127.0.0.1');
    expect(readState(dataDir)).toEqual(before);

    const changed = models({ dataDir, providers: { openai: provider({ baseUrl: 'http://127.0.0.1:1/v1' }) } });
    await changed.own.ensure('127.0.0.1');
    const after = readState(dataDir);
    expect(after?.pid).not.toBe(before?.pid);
    expect(after?.port).toBe(before?.port);
    await until('the old process ends', () => !isAlive(before?.pid ?? 0));
  });

  it('is ended when nothing needs it any more', async () => {
    const { own, dataDir } = models();
    await own.ensure('127.0.0.1');
    const pid = pidOf(dataDir);
    await models({ dataDir, providers: { openai: provider({ apiKey: new Secret('k') }) } }).own.ensure('127.0.0.1');
    await until('it ends', () => !isAlive(pid));
  });

  it('comes back on the same port after it was killed', async () => {
    const clock = new ManualClock();
    const { own, dataDir } = models({ clock });
    await own.ensure('127.0.0.1');
    const before = readState(dataDir);
    process.kill(before?.pid ?? 0, 'SIGKILL');
    await until('it is gone', () => !isAlive(before?.pid ?? 0));
    clock.advance(15_000);
    const after = await until('another one serves', () => {
      const state = readState(dataDir);
      return state && state.pid !== before?.pid ? state : null;
    });
    expect(after.port).toBe(before?.port);
  });

  it('survives the kill of the server that started it', async () => {
    const dataDir = newFolder();
    const state = JSON.stringify({ token: 't', configHash: 'h', targets: {}, listeners: {} });
    const start = `const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, [process.argv[1], '--data-dir', process.argv[2]], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
      child.stdin.end(${JSON.stringify(state)}); setInterval(() => {}, 1000);`;
    const server = spawn(process.execPath, ['-e', start, demoModelEntry(), dataDir], { stdio: 'ignore' });
    const found = await until('it serves', () => readState(dataDir));
    server.kill('SIGKILL');
    await once(server, 'exit');
    const headers = { authorization: 'Bearer t' };
    expect((await fetch(`http://127.0.0.1:${found.port}/_flotilla/health`, { headers })).status).toBe(200);
    rmSync(dataDir, { recursive: true });
    await until('it ends with its folder', () => !isAlive(found.pid));
  });

  it('lets open answers finish when it is replaced', async () => {
    const { own, dataDir } = models();
    const endpoint = await own.endpoint('openai', '127.0.0.1');
    const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: '<<slow 20 50>> <<say end>>' }] });
    const answer = await fetch(`${endpoint?.baseUrl ?? ''}/chat/completions`, { method: 'POST', body });
    await own.stop();
    const text = await answer.text();
    expect([text.includes('tick 20'), text.includes('[DONE]')]).toEqual([true, true]);
    await until('it ends', () => !isAlive(pidOf(dataDir)));
  });

  it('tells nobody its token, and says why it did not start', async () => {
    const { own, dataDir } = models();
    await own.ensure('127.0.0.1');
    expect(statSync(path.join(dataDir, 'model.json')).mode & 0o777).toBe(0o600);
    const token = readState(dataDir)?.token ?? 'none';
    const seen = ['cmdline', 'environ']
      .map((file) => readFileSync(`/proc/${pidOf(dataDir)}/${file}`, 'utf8'))
      .join(' ');
    expect(seen).not.toContain(token);
    expect(readFileSync(path.join(dataDir, 'model.log'), 'utf8')).not.toContain(token);

    const entry = path.join(newFolder(), 'broken.js');
    writeFileSync(entry, 'process.exit(3)');
    await expect(models({ entry }).own.ensure('127.0.0.1')).rejects.toThrow('did not start (it ended with code 3)');
  });
});
