import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createDockerEngine } from '../../src/adapters/docker/docker.engine.js';
import { plainHome } from '../../src/core/instances/engine.port.js';
import { until } from '../support/until.js';
import { docker, engineUnderTest, probe, socketPath } from './support.js';

const agentFolder = path.resolve(__dirname, '../../docker/agent');
const runtime = `t${randomUUID().slice(0, 8)}`;
let folder: string;

/** A build folder of our own on top of the real one: `lines` come at the end of the Dockerfile. */
function engineWith(...lines: string[]) {
  const context = mkdtempSync(path.join(folder, 'context-'));
  cpSync(agentFolder, context, { recursive: true });
  writeFileSync(path.join(context, 'Dockerfile'), [`FROM flotilla-agent-${probe}-base`, ...lines, ''].join('\n'));
  const config = { dockerHost: `unix://${socketPath}`, dockerCertPath: null };
  return createDockerEngine(config, randomUUID(), { context, packages: { [runtime]: '' } });
}

const images = async (): Promise<string[]> => {
  const filters = { reference: [`flotilla-agent-${runtime}`] };
  return (await docker.listImages({ filters })).flatMap((image) => image.RepoTags ?? []);
};

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'flotilla-images-'));
  const { engine, close } = engineUnderTest();
  await engine.prepareImage(probe, () => undefined);
  const image = await engine.findImage(probe);
  await docker.getImage(image?.name ?? '').tag({ repo: `flotilla-agent-${probe}-base` });
  await close();
}, 600_000);
afterAll(async () => {
  for (const name of await images()) await docker.getImage(name).remove();
  await docker.getImage(`flotilla-agent-${probe}-base`).remove();
  rmSync(folder, { recursive: true });
});

it('builds once for all who ask, tells each what is being done, and names the image after its content', async () => {
  const engine = engineWith(`RUN echo ${randomUUID()}`);
  expect(await engine.findImage(runtime)).toBeNull();
  const told: string[][] = [[], []];
  await Promise.all(told.map((steps) => engine.prepareImage(runtime, ({ step }) => steps.push(step))));
  expect(told[0]).toEqual(told[1]);
  expect(told[0]?.at(-1)).toBe(`Building the ${runtime} image, step 2 of 2`);
  const image = await engine.findImage(runtime);
  expect(await images()).toEqual([image?.name]);
  expect(image?.name).toBe(`flotilla-agent-${runtime}:${image?.version}`);
  await engine.prepareImage(runtime, () => undefined);
  await engine.close();
});

it('goes on while one of two is still waiting, and stops when nobody is', async () => {
  const engine = engineWith(`RUN echo ${randomUUID()} && sleep 600`);
  const [first, second] = [new AbortController(), new AbortController()];
  const builders = async () =>
    (await docker.listContainers()).filter((one) => one.Command.includes('sleep 600')).length;
  const given = [first, second].map((caller) =>
    engine
      .prepareImage(runtime, () => undefined, caller.signal)
      .then(
        () => 'built',
        (error: unknown) => (error as Error).message,
      ),
  );
  await until('the build runs', async () => (await builders()) === 1);
  first.abort();
  expect(await given[0]).toBe('The build was given up');
  expect(await builders()).toBe(1);
  second.abort();
  expect(await given[1]).toBe('The build was given up');
  await until('the engine has stopped building', async () => (await builders()) === 0);
  await engine.close();
});

it('says in one sentence why a build failed, with the words of the command that did', async () => {
  const engine = engineWith('RUN echo the mirror is asleep >&2 && exit 9');
  await expect(engine.prepareImage(runtime, () => undefined)).rejects.toMatchObject({
    name: 'EngineError',
    fault: 'refused',
    message: /^The \S+ image could not be built: .*the mirror is asleep.*non-zero code: 9$/,
  });
  expect(await engine.findImage(runtime)).toBeNull();
  await engine.close();
});

it('knows no image for a runtime that nobody listed', async () => {
  const engine = engineWith();
  await expect(engine.prepareImage('cobol', () => undefined)).rejects.toMatchObject({ fault: 'no_image' });
  await engine.close();
});

it('runs what somebody built on the image of a runtime, and nothing else', async () => {
  const { engine, close } = engineUnderTest();
  const own = `flotilla-own-${runtime}`;
  const source = await engine.findImage(probe);
  await docker.getImage(source?.name ?? '').tag({ repo: own, tag: '1' });
  try {
    await engine.fetchImage(`${own}:1`, probe);
    await expect(engine.fetchImage(`${own}:1`, 'opencode')).rejects.toMatchObject({
      fault: 'no_image',
      message: expect.stringContaining('FROM flotilla-agent-opencode'),
    });
    await expect(engine.fetchImage(`127.0.0.1:9/${own}:2`, probe)).rejects.toMatchObject({ fault: 'no_image' });
    const limits = { cpus: 1, memoryBytes: 256 * 2 ** 20, pids: 128 };
    const named = { instanceId: randomUUID(), containerName: own, agentName: own, env: {}, layout: plainHome };
    const made = await engine.create({ ...named, runtime: probe, image: `${own}:1`, limits });
    expect(made.image).toBe(`${own}:1`);
  } finally {
    await close();
    await docker.getImage(`${own}:1`).remove();
  }
});
