import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalEngine } from '../../../src/adapters/local/local.engine.js';
import { EngineError } from '../../../src/core/instances/engine.errors.js';
import type { InstanceSpec } from '../../../src/core/instances/engine.port.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { scriptedPrograms, scriptedRuntime } from '../../support/scripted-adapter.js';
import { until } from '../../support/until.js';

/** Breaks what it makes, in the way a test asks for. */
class BreakingEngine extends LocalEngine {
  breaks: 'run folder' | 'disk' | 'image' | null = null;

  override findImage(runtime: string): ReturnType<LocalEngine['findImage']> {
    return this.breaks === 'image' ? Promise.resolve(null) : super.findImage(runtime);
  }

  override async prepareImage(): Promise<void> {
    throw new EngineError('no_image', 'The image could not be built: no registry answers');
  }

  override async create(spec: InstanceSpec): ReturnType<LocalEngine['create']> {
    if (this.breaks === 'disk') throw new EngineError('disk_full', 'the disk is full');
    const made = await super.create(spec);
    if (this.breaks !== 'run folder') return made;
    // The entry script ends at once: "the run folder is missing", exit code 70.
    const folder = this.pathOf(made.ref, 'run');
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    return made;
  }
}

describe('a container that does not come up', () => {
  let fleet: Fleet;
  let engine: BreakingEngine;
  beforeAll(async () => {
    fleet = await bootFleet({
      engine: (config, installId) =>
        (engine = new BreakingEngine({ config, installId, extraRuntimes: scriptedPrograms })),
      runtimes: [{ ...scriptedRuntime, name: 'absent', title: 'Absent' }],
    });
  });
  afterEach(async () => {
    engine.breaks = null;
    for (const { name } of (await fleet.admin.get<{ name: string }[]>('/api/agents')).body) {
      await fleet.admin.delete(`/api/agents/${name}`);
    }
  });
  afterAll(() => fleet.close());

  async function expectNothingLeft(): Promise<void> {
    expect((await fleet.admin.get('/api/agents')).body).toEqual([]);
    expect(await fleet.db.query('select id from instances')).toEqual([]);
    await until('the engine has nothing', async () => {
      return (await engine.list()).length === 0 && (await engine.listVolumes()).length === 0;
    });
  }

  it.each([
    ['run folder', 'Ended unexpectedly with exit code 70 during its first start'],
    ['disk', 'the disk is full'],
    ['image', 'The image could not be built: no registry answers'],
  ] as const)('refuses a create when the %s breaks it, and leaves nothing behind', async (breaks, detail) => {
    engine.breaks = breaks;
    const { status, body } = await fleet.admin.post('/api/agents', { name: 'alpha' });
    expect(status).toBe(500);
    // The reason stands beside the sentence that clients know by heart.
    expect(JSON.stringify(body).toLowerCase()).toContain(detail.toLowerCase());
    await expectNothingLeft();
  });

  it('refuses runtimes nobody knows, and says which there are', async () => {
    const { status, body } = await fleet.admin.post('/api/agents', { name: 'alpha', runtime: 'nonsense' });
    expect(status).toBe(400);
    expect(String(body['detail'])).toContain('scripted');
    await expectNothingLeft();
  });

  it('gives up a container that keeps ending, says why, and tries again when asked to', async () => {
    await fleet.givenAgent('alpha');
    const { id } = await fleet.instanceOf('alpha');
    await fleet.db.query(`update instances set failures = 5 where id = '${id}'`);
    crash(id);
    const failed = await until('it is given up', async () => {
      const row = await fleet.instanceOf('alpha');
      return row.state === 'failed' && row;
    });
    expect(failed.reason).toBe('Ended unexpectedly with exit code 137; gave up after 6 attempts');
    expect(await fleet.admin.get('/api/agents/alpha').then(({ body }) => body['status'])).not.toBe('running');
    expect((await fleet.chat('alpha', 'hello')).status).toBe(503);
    expect((await fleet.admin.post('/api/agents/alpha/start')).status).toBe(200);
    expect((await fleet.chat('alpha', '<<say back>>')).body['response']).toBe('back');
  });

  it('starts again after a crash, once the pause is over', async () => {
    await fleet.givenAgent('alpha');
    const before = await fleet.instanceOf('alpha');
    crash(before.id);
    const after = await until('it runs anew', async () => {
      const row = await fleet.instanceOf('alpha');
      return row.state === 'running' && row.boot !== before.boot && row;
    });
    expect([after.failures, after.reason]).toEqual([1, null]);
    expect((await fleet.chat('alpha', '<<say back>>')).body['response']).toBe('back');
  });

  it('rests when somebody kills it at the engine, and says so', async () => {
    await fleet.givenAgent('alpha');
    const { ref } = await fleet.instanceOf('alpha');
    await engine.kill(ref ?? '');
    const rested = await until('it rests', async () => {
      const row = await fleet.instanceOf('alpha');
      return row.state === 'stopped' && row;
    });
    expect([rested.desired, rested.reason]).toEqual([
      'stopped',
      'Stopped from outside Flotilla, directly at the engine',
    ]);
  });

  /** Ends the main process as a crash does: nobody signalled it through the engine. */
  function crash(instanceId: string): void {
    const file = join(fleet.dataDir, 'local', instanceId, 'state.json');
    const { run } = JSON.parse(readFileSync(file, 'utf8')) as { run: { pid: number } };
    process.kill(run.pid, 'SIGKILL');
  }
});
