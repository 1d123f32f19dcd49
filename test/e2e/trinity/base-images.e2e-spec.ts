import { AbleEngine } from '../../support/able-engine.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { Agent } from '../../../src/core/agents/agent.entity.js';
import { EngineError } from '../../../src/core/instances/engine.errors.js';
import type { EngineInstance, InstanceSpec } from '../../../src/core/instances/engine.port.js';

const allowed = 'registry.example.com:5000/team/agent:1.2';
const pinned = `team/agent@sha256:${'a'.repeat(64)}`;
const env = { TRINITY_BASE_IMAGES: `${allowed}, ${pinned}` };

/** Notes what it is asked to fetch, and what for. */
class NotingEngine extends AbleEngine {
  readonly asked: unknown[] = [];
  readonly made: unknown[] = [];

  override fetchImage(image: string, runtime: string): Promise<void> {
    this.asked.push([image, runtime]);
    return image === pinned ? Promise.reject(new EngineError('no_image', 'it is not there')) : Promise.resolve();
  }

  override create(spec: InstanceSpec): Promise<EngineInstance> {
    this.made.push(spec.image);
    return super.create(spec);
  }
}

describe('images that agents are made from', () => {
  let fleet: Fleet;
  let engine: NotingEngine;
  beforeAll(async () => {
    fleet = await bootFleet({ env, engine: (config, installId) => (engine = new NotingEngine(config, installId)) });
  });
  afterAll(() => fleet.close());

  it('are ours by the usual name, whatever its tag', async () => {
    await fleet.givenAgent('usual', { base_image: 'trinity-agent-base:2026.1' });
    expect([engine.asked, engine.made]).toEqual([[], [null]]);
  });

  it.each([
    'evil:latest',
    'registry.example.com:5000/team/agent',
    'registry.example.com:5000/team/agent:1.3',
    'registry.example.com:5000/team/agent:latest',
    'registry.example.com:5000/team/agent:1.2@sha256:' + 'b'.repeat(64),
    `team/agent@sha256:${'b'.repeat(64)}`,
    'REGISTRY.example.com:5000/team/agent:1.2',
    'evil.example.com/registry.example.com:5000/team/agent:1.2',
    'trinity-agent-base:latest@sha256:' + 'c'.repeat(64),
    'trinity-agent-base/../evil:1',
    'evil.example.com/trinity-agent-base:latest',
    'trinity-agent-base:',
    'trinity-agent-base:latest --privileged',
    `${allowed}\nevil`,
  ])('are refused before the engine hears of them: %j', async (base_image) => {
    const { status, body } = await fleet.admin.post('/api/agents', { name: 'refused', base_image });
    expect([status, body]).toEqual([403, { detail: 'This base image is not allowed' }]);
    expect([engine.asked, engine.made]).toEqual([[], [null]]);
  });

  it('may be one of the allowed, and are kept', async () => {
    await fleet.givenAgent('own', { base_image: ` ${allowed} ` });
    expect([engine.asked, engine.made]).toEqual([[[allowed, 'scripted']], [null, allowed]]);
    expect(await fleet.db.of(Agent).findOneBy({ slug: 'own' })).toMatchObject({ image: allowed });
    expect((await fleet.chat('own', '<<say here>>')).body['response']).toBe('here');
  });

  it('that cannot be had leave nothing behind', async () => {
    const { status, body } = await fleet.admin.post('/api/agents', { name: 'absent', base_image: pinned });
    const failed = { detail: 'Failed to create agent. Please try again.', reason: 'it is not there' };
    expect([status, body]).toEqual([500, failed]);
    expect((await fleet.admin.get('/api/agents/absent')).status).toBe(404);
  });
});

describe('an engine without images', () => {
  it('is said to be one', async () => {
    const fleet = await bootFleet({ env });
    try {
      const { status, body } = await fleet.admin.post('/api/agents', { name: 'own', base_image: allowed });
      expect([status, body]).toEqual([400, { detail: expect.stringContaining('runs no images') }]);
    } finally {
      await fleet.close();
    }
  });
});
