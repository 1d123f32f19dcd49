import { randomUUID } from 'node:crypto';
import { EngineFixture } from '../support/engine-fixture.js';
import { docker, engineUnderTest, probe } from './support.js';

const under = engineUnderTest();
const fleet = new EngineFixture(under);
const { engine, installId } = under;

beforeAll(async () => {
  await engine.connect();
  await engine.prepareImage(probe, () => undefined);
}, 600_000);
afterAll(() => fleet.close());

const volumesOf = async (instanceId: string): Promise<string[]> =>
  (await engine.listVolumes()).filter((one) => one.instanceId === instanceId).map((one) => one.name);

describe('create', () => {
  it('leaves nothing behind when the engine refuses', async () => {
    const spec = fleet.spec();
    const tooSmall = { ...spec, limits: { ...spec.limits, memoryBytes: 1_000_000 } };
    await expect(engine.create(tooSmall)).rejects.toMatchObject({ name: 'EngineError', fault: 'refused' });
    expect([await engine.inspect(spec.instanceId), await volumesOf(spec.instanceId)]).toEqual([null, []]);
  });

  it('leaves nothing behind when somebody else has the name', async () => {
    const spec = fleet.spec();
    const image = (await engine.findImage(probe))?.name;
    const foreign = await docker.createContainer({ name: spec.containerName, Image: image });
    await expect(engine.create(spec)).rejects.toMatchObject({ name: 'EngineError', fault: 'conflict' });
    expect([await engine.inspect(spec.instanceId), await volumesOf(spec.instanceId)]).toEqual([null, []]);
    await foreign.remove();
  });

  it('makes one container when it is asked from two places at once', async () => {
    const other = engineUnderTest({}, installId);
    const spec = fleet.spec();
    const made = await Promise.all([engine.create(spec), other.engine.create(spec), engine.create(spec)]);
    expect(new Set(made.map((one) => one.ref)).size).toBe(1);
    expect(await volumesOf(spec.instanceId)).toHaveLength(2);
    await other.engine.close();
  });

  it('finds the volumes of a container that is gone, with what was in them', async () => {
    const spec = fleet.spec();
    const first = await engine.create(spec);
    await engine.start(first.ref);
    await fleet.exec(first.ref, { argv: ['sh', '-c', 'echo kept >kept'], user: 'developer' });
    await docker.getContainer(first.ref).remove({ force: true });
    expect(await engine.inspect(spec.instanceId)).toBeNull();

    const second = await engine.create(spec);
    expect(second.ref).not.toBe(first.ref);
    await engine.start(second.ref);
    const { stdout } = await fleet.exec(second.ref, { argv: ['cat', 'kept'], user: 'developer' });
    expect(stdout.toString()).toBe('kept\n');
    await engine.remove(spec.instanceId, { volumes: false });
    expect(await volumesOf(spec.instanceId)).toHaveLength(2);
    await engine.remove(spec.instanceId, { volumes: true });
    expect(await volumesOf(spec.instanceId)).toEqual([]);
  });
});

it('sees and touches nothing of another installation', async () => {
  const other = engineUnderTest();
  const mine = await engine.create(fleet.spec());
  expect(await other.engine.list()).toEqual([]);
  expect(await other.engine.inspect(mine.instanceId)).toBeNull();
  await other.engine.remove(mine.instanceId, { volumes: true });
  expect((await fleet.inspect(mine.instanceId)).ref).toBe(mine.ref);
  await other.close();
});

it('starts although somebody pruned the network', async () => {
  const lonely = new EngineFixture(engineUnderTest({}, randomUUID()));
  const { ref, instanceId } = await lonely.engine.create(lonely.spec());
  const { HostConfig } = await docker.getContainer(ref).inspect();
  await docker.getNetwork(HostConfig.NetworkMode ?? '').remove();
  await lonely.engine.start(ref);
  expect((await lonely.inspect(instanceId)).phase).toBe('running');
  await lonely.close();
});

it('keeps two installations on networks of their own', async () => {
  const other = engineUnderTest();
  const [here, there] = [await engine.connect(), await other.engine.connect()];
  expect(here.hostAddress).not.toBe(there.hostAddress);
  expect((await engine.connect()).hostAddress).toBe(here.hostAddress);
  await other.close();
});
