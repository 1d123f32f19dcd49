import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDataDir } from '../../support/database.js';
import { until } from '../../support/until.js';
import { ChildServer } from '../child-server.js';
import {
  expectEngineMatches,
  expectNoStrayProcesses,
  expectReasons,
  expectWholeSessions,
  untilSettled,
} from '../invariants.js';
import { expectNoDrafts, expectNothingLeft } from '../leftovers.js';
import { describeDocker, dockerWorld, volumesOf, type DockerWorld } from '../rig/docker-world.js';
import { full, report } from '../rig/rounds.js';

// R3: the server dies in each gap between two steps of create, stop, rename, recreate (of a stopped and a running one), delete and of writing credentials, once. After a restart
// the operation has been rolled forward or back within 10 s, and asking for it again is answered.

const plans = {
  create: [
    'create.stored',
    'provision.created',
    'provision.started',
    'provision.answered',
    'provision.stored',
    'create.settled',
  ],
  createFromTemplate: ['seed.stored'],
  createPrompted: ['opening.stored', 'opening.sent'],
  stop: ['stop.announced', 'stop.halted'],
  rename: ['rename.halted', 'rename.stored', 'rename.done'],
  recreate: ['recreate.removed'],
  renew: ['renew.halted'],
  delete: ['delete.stored', 'delete.closed', 'delete.removed'],
  inject: ['credentials.file'],
  import: ['credentials.file'],
} as const;
type Operation = keyof typeof plans;
/** An import writes as an inject does. */
const inFullOnly = new Set<string>(['import']);
const cases = Object.entries(plans)
  .filter(([operation]) => full || !inFullOnly.has(operation))
  .flatMap(([operation, points]) => points.map((point) => [point, operation as Operation] as const));

const isAboutCredentials = (operation: Operation): boolean => operation === 'inject' || operation === 'import';
const credentialFiles = ['.env', 'second.pem'];
const creates = (operation: Operation): boolean => operation.startsWith('create');

/** Gaps inside the steps of the Docker adapter. */
const inAdapters = ['create.volumes', 'delete.container'] as const;
const preload = `-r ${join(__dirname, '../rig/crash-at.cjs')}`;

it('hits every named crash point of the sources', () => {
  const src = join(__dirname, '../../../src');
  const found = execFileSync('grep', ['-rhoE', `crashPoint\\('[a-z.]+'\\)`, src], { encoding: 'utf8' });
  const names = found
    .trim()
    .split('\n')
    .map((text) => text.slice(12, -2));
  const struck = new Set([...cases.map(([point]) => point), ...inAdapters]);
  expect([...new Set(names)].sort()).toEqual([...struck].sort());
});

describe('a crash between two steps', () => {
  let server: ChildServer;
  let crashFile: string;
  let token: string;
  let count = 0;
  beforeAll(async () => {
    const dataDir = await makeDataDir();
    crashFile = join(dataDir, 'crash-at');
    server = await ChildServer.on(dataDir, {
      NODE_OPTIONS: preload,
      FLOTILLA_CRASH_FILE: crashFile,
      HOSTEDAGENTS_MAX_RUNNING: '100',
    });
    await server.start();
    const { body } = await server.admin.post('/api/v1/tokens', { label: 'crash' });
    token = String(body['token']);
  }, 120_000);
  afterAll(async () => {
    await server.clear();
    rmSync(server.dataDir, { recursive: true, force: true });
  }, 60_000);

  it.each(cases)(
    '%s (%s)',
    async (point, operation) => {
      count += 1;
      const name = `agent-${count}`;
      if (!creates(operation)) await given(name, operation);
      writeFileSync(crashFile, point);
      const answer = await ask(operation, name).catch(() => null);
      await until('the server died', () => !server.running, 20_000);
      expect(readFileSync(crashFile, 'utf8')).toBe(`died at ${point}`);
      rmSync(crashFile);

      const readyMs = await server.start();
      const began = Date.now();
      await untilSettled(server);
      await until('the engine matches', () => matches(), 10_000);
      const settledMs = Date.now() - began;
      expect(settledMs).toBeLessThan(10_000);
      const row = await rowOf(name);
      const outcome = row ? `${row.slug} is ${row.state}` : `${name} is gone`;
      report(point, [`${operation} ${name}`], `ready after ${readyMs} ms, ${outcome} ${settledMs} ms later`);
      expect(answer).toBeNull();
      // Forward or back, and not given up on the way.
      expect(row?.state).not.toBe('failed');
      if (operation === 'createPrompted') await expectOneOpening(name);
      // Nobody was told that they are written: each file is the old or the new one, and asking again completes it.
      if (isAboutCredentials(operation)) {
        for (const value of await credentialsOf(name)) expect(['V=old\n', 'V=new\n']).toContain(value);
      }
      await expectReasons(server);
      await expectNoStrayProcesses(server);

      const again = await ask(operation, name);
      expect({ operation, outcome, status: again.status }).toEqual({
        operation,
        outcome,
        status: expectedAgain(operation, row?.slug ?? null, name),
      });
      if (isAboutCredentials(operation)) expect(await credentialsOf(name)).toEqual(['V=new\n', 'V=new\n']);
      await untilSettled(server);
      await expectEngineMatches(server);
      await expectWholeSessions(server);
      await expectNoDrafts(server);
    },
    120_000,
  );

  const inject = (name: string, value: string) => {
    const files = Object.fromEntries(credentialFiles.map((path) => [path, `V=${value}\n`]));
    return server.admin.post(`/api/agents/${name}/credentials/inject`, { files });
  };
  const credentialsOf = (name: string): Promise<unknown[]> =>
    Promise.all(
      credentialFiles.map(
        async (path) => (await server.admin.get(`/api/agents/${name}/files/download?path=${path}`)).body,
      ),
    );

  /** The first message was sent, once, and answered. */
  async function expectOneOpening(name: string): Promise<void> {
    const turns = (): Promise<{ prompt: string; state: string }[]> =>
      server.sql(`select t.prompt, t.state from turns t join agents a on a.id = t.agent_id where a.slug = '${name}'`);
    await until(
      'its first message is answered',
      async () => (await turns()).some(({ state }) => state === 'finished'),
      20_000,
    );
    expect(await turns()).toEqual([{ prompt: 'begin <<say begun>>', state: 'finished' }]);
  }

  async function given(name: string, operation: Operation): Promise<void> {
    const { status } = await server.admin.post('/api/agents', { name });
    expect(status).toBe(200);
    if (operation === 'import') {
      await inject(name, 'new');
      expect((await server.admin.post(`/api/agents/${name}/credentials/export`)).status).toBe(200);
    }
    if (isAboutCredentials(operation)) expect((await inject(name, 'old')).status).toBe(200);
    if (operation !== 'recreate' && operation !== 'renew') return;
    if (operation === 'recreate') await server.admin.post(`/api/agents/${name}/stop`);
    await server.sql(`update agents set revision = revision + 1 where slug = '${name}'`);
  }

  function ask(operation: Operation, name: string) {
    const { admin } = server;
    switch (operation) {
      case 'create':
        return admin.post('/api/agents', { name });
      case 'createFromTemplate':
        return admin.post('/api/agents', { name, template: 'local:default' });
      case 'createPrompted':
        return admin.as(token).post('/api/v1/agents', { name, initialPrompt: 'begin <<say begun>>' });
      case 'stop':
        return admin.post(`/api/agents/${name}/stop`);
      case 'recreate':
      case 'renew':
        return admin.post(`/api/agents/${name}/start`);
      case 'rename':
        return admin.put(`/api/agents/${name}/rename`, { new_name: `${name}-renamed` });
      case 'delete':
        return admin.delete(`/api/agents/${name}`);
      case 'inject':
        return inject(name, 'new');
      case 'import':
        return admin.post(`/api/agents/${name}/credentials/import`);
    }
  }

  /** What the same request is answered after the restart. */
  function expectedAgain(operation: Operation, slug: string | null, name: string): number {
    if (operation === 'createPrompted') return 200; // names are free there: another one is made
    if (creates(operation)) return slug === null ? 200 : 409;
    if (operation === 'rename') return slug === name ? 200 : 404;
    if (operation === 'delete') return slug === null ? 404 : 200;
    return 200;
  }

  const matches = (): Promise<boolean> =>
    expectEngineMatches(server).then(
      () => true,
      () => false,
    );

  const rowOf = async (name: string): Promise<{ slug: string; state: string } | undefined> => {
    const [row] = await server.sql<{ slug: string; state: string }>(
      `select a.slug, i.state from agents a join instances i on i.agent_id = a.id
       where a.slug in ('${name}', '${name}-renamed')`,
    );
    return row;
  };
});

describeDocker('a crash inside a step of the Docker adapter', () => {
  let world: DockerWorld;
  let folder: string;
  let crashFile: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flotilla-crash-'));
    crashFile = join(folder, 'crash-at');
    world = await dockerWorld({ NODE_OPTIONS: preload, FLOTILLA_CRASH_FILE: crashFile });
  }, 240_000);
  afterAll(async () => {
    await world.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  async function dieAt(point: string, call: () => Promise<unknown>): Promise<void> {
    const { server } = world;
    writeFileSync(crashFile, point);
    await call().catch(() => null);
    await until('the server died', () => !server.running, 20_000);
    expect(readFileSync(crashFile, 'utf8')).toBe(`died at ${point}`);
    rmSync(crashFile);
    const readyMs = await server.start();
    await untilSettled(server);
    report(point, ['one agent'], `ready after ${readyMs} ms`);
    await expectReasons(server);
    await expectNothingLeft(world);
  }

  it('between volumes and container: the agent comes up', async () => {
    const { server } = world;
    await dieAt('create.volumes', () => server.admin.post('/api/agents', { name: 'halfway' }));
    await expectEngineMatches(server);
    expect((await server.admin.post('/api/agents', { name: 'halfway' })).status).toBe(409);
  }, 60_000);

  it('between container and volumes: nothing is left', async () => {
    const { server } = world;
    await dieAt('delete.container', () => server.admin.delete('/api/agents/halfway'));
    await until('no volume is left', async () => (await volumesOf(world.install)).length === 0, 10_000);
    await expectEngineMatches(server);
  }, 60_000);
});
