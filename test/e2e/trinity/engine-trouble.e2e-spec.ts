import { LocalEngine } from '../../../src/adapters/local/local.engine.js';
import { EngineError } from '../../../src/core/instances/engine.errors.js';
import type { EngineInfo, EngineInstance, InstanceSpec } from '../../../src/core/instances/engine.port.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { scriptedPrograms } from '../../support/scripted-adapter.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { agentListed } from '../../support/trinity-shapes.js';
import { until } from '../../support/until.js';

/** A local engine that can be away, and can refuse to create or start. */
class TroubledEngine extends LocalEngine {
  away = false;
  refusing: EngineError | null = null;

  override connect(): Promise<EngineInfo> {
    return this.away ? Promise.reject(new EngineError('unreachable', 'nobody listens')) : super.connect();
  }

  override create(spec: InstanceSpec): Promise<EngineInstance> {
    return this.refusing ? Promise.reject(this.refusing) : super.create(spec);
  }

  override start(ref: string): Promise<void> {
    return this.refusing ? Promise.reject(this.refusing) : super.start(ref);
  }
}

const noDocker = { detail: 'Docker is not available' };

describe('trouble with the engine', () => {
  let fleet: Fleet;
  let engine: TroubledEngine;
  let admin: TrinityClient;
  const start = async (away: boolean, dataDir?: string): Promise<void> => {
    fleet = await bootFleet({
      ...(dataDir ? { dataDir } : {}),
      engine: (config, installId) => {
        engine = new TroubledEngine({ config, installId, extraRuntimes: scriptedPrograms });
        engine.away = away;
        return engine;
      },
    });
    admin = fleet.admin;
  };
  const listed = (): Promise<{ status: number; body: unknown; engine: string | null }> =>
    admin.get('/api/agents').then(({ status, body, headers }) => ({
      status,
      body,
      engine: headers.get('x-flotilla-engine'),
    }));
  const turn = async (away: boolean): Promise<void> => {
    engine.away = away;
    const expected = away ? 'unreachable' : null;
    await until('the engine is seen', async () => (await listed()).engine === expected);
  };

  describe('that never answered', () => {
    beforeAll(() => start(true));
    afterAll(() => {
      engine.away = false;
      return fleet.close();
    });

    it.each([
      ['GET', '/api/agents'],
      ['POST', '/api/agents'],
    ])('%s %s says so instead of showing nothing', async (method, path) => {
      const json = method === 'POST' ? { json: { name: 'early' } } : {};
      const { status, body } = await fleet.request(method, path, { token: admin.token ?? '', ...json });
      expect([status, body]).toEqual([503, noDocker]);
    });

    it('is no secret to the readiness check', async () => {
      expect((await fleet.request('GET', '/health/ready')).status).toBe(503);
      expect((await fleet.request('GET', '/health')).status).toBe(200);
    });
  });

  describe('that comes and goes', () => {
    let logs: string;
    beforeAll(async () => {
      await start(false);
      await fleet.givenAgent('steady');
      await fleet.chat('steady', '<<say hello>>');
      logs = (await admin.get<{ logs: string }>('/api/agents/steady/logs')).body.logs;
      await turn(true);
    });
    afterAll(() => {
      engine.away = false;
      return fleet.close();
    });

    it('leaves what is stored to be read', async () => {
      expect(await listed()).toEqual({ status: 200, body: [agentListed('steady')], engine: 'unreachable' });
      expect((await admin.get('/api/agents/steady')).status).toBe(200);
      expect((await admin.get('/api/agents?tags=none')).body).toEqual([]);
    });

    it.each([
      '/api/agents',
      '/api/agents/context-stats',
      '/api/agents/autonomy-status',
      '/api/agents/steady',
      '/api/agents/steady/info',
      '/api/agents/steady/folders',
      '/api/agents/steady/activity',
      '/api/agents/steady/chat/history',
      '/api/agents/steady/queue',
      '/api/agents/steady/logs',
      '/api/activities/timeline',
    ])('GET %s is answered from what is stored, and marked', async (path) => {
      const { status, headers } = await admin.get(path);
      expect([status, headers.get('x-flotilla-engine')]).toEqual([200, 'unreachable']);
    });

    it('leaves the output that was read last', async () => {
      expect(logs).toContain('generation');
      expect((await admin.get('/api/agents/steady/logs')).body).toEqual({ logs });
      const one = (await admin.get<{ logs: string }>('/api/agents/steady/logs?tail=1')).body.logs;
      expect(one.trim()).toBe(logs.trim().split('\n').at(-1));
    });

    it.each([
      ['POST', '/api/agents', { name: 'new' }],
      ['POST', '/api/agents/steady/start', {}],
      ['POST', '/api/agents/steady/stop', {}],
      ['PUT', '/api/agents/steady/rename', { new_name: 'other' }],
    ])('%s %s is refused, and nothing is half done', async (method, path, json) => {
      const { status, body } = await fleet.request(method, path, { token: admin.token ?? '', json });
      expect([status, body]).toEqual([503, noDocker]);
      expect((await listed()).body).toEqual([agentListed('steady')]);
    });

    it('is still stored after a restart without it', async () => {
      await fleet.close({ keep: true });
      await start(true, fleet.dataDir);
      expect(await listed()).toMatchObject({ status: 200, body: [{ name: 'steady' }], engine: 'unreachable' });
      // Output that this server has never read is with the engine alone.
      const unread = await admin.get('/api/agents/steady/logs');
      expect([unread.status, unread.body]).toEqual([503, noDocker]);
    });

    it('is fine again when it is back', async () => {
      await turn(false);
      expect((await admin.get('/api/agents/steady')).headers.get('x-flotilla-engine')).toBeNull();
      expect((await fleet.chat('steady', '<<say here>>')).body['response']).toBe('here');
    });

    it.each([
      ['a full disk', new EngineError('disk_full', 'the disk is full'), 'the disk is full'],
      ['a refusal', new EngineError('refused', 'no such network'), 'no such network'],
    ])('says why nothing was created: %s', async (_what, error, reason) => {
      engine.refusing = error;
      const { status, body } = await admin.post('/api/agents', { name: 'unlucky' });
      expect([status, body]).toEqual([500, { detail: 'Failed to create agent. Please try again.', reason }]);
      expect((await listed()).body).toEqual([agentListed('steady')]);
      expect((await engine.listVolumes()).length).toBe(1);
      engine.refusing = null;
      await fleet.givenAgent('unlucky');
      await admin.delete('/api/agents/unlucky');
    });

    it('says why nothing was started, there and in the list, until it works', async () => {
      await admin.post('/api/agents/steady/stop');
      engine.refusing = new EngineError('refused', 'no such network');
      const { status, body } = await admin.post('/api/agents/steady/start');
      expect([status, body]).toEqual([500, { detail: 'Failed to start agent: no such network' }]);
      expect((await listed()).body).toEqual([
        agentListed('steady', { status: 'stopped', status_reason: 'no such network' }),
      ]);
      engine.refusing = null;
      expect((await admin.post('/api/agents/steady/start')).status).toBe(200);
      expect((await listed()).body).toEqual([agentListed('steady')]);
    });
  });
});
