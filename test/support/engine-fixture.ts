import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { EngineChannels } from '../../src/adapters/channel/channels.js';
import type { Channel } from '../../src/core/instances/channel.port.js';
import {
  type ContainerEngine,
  type EngineInstance,
  type ExecRequest,
  type HomeLayout,
  type InstanceSpec,
  plainHome,
} from '../../src/core/instances/engine.port.js';
import { until } from './until.js';

export interface EngineUnderTest {
  readonly engine: ContainerEngine;
  /** A runtime whose image is prepared (or can be) without the internet. */
  readonly runtime: string;
  close(): Promise<void>;
}

/** What the shared tests of engine and channel work with. */
export class EngineFixture {
  readonly channels: EngineChannels;
  constructor(private readonly under: EngineUnderTest) {
    this.channels = new EngineChannels(under.engine);
  }

  get engine(): ContainerEngine {
    return this.under.engine;
  }

  spec(instanceId = `i${randomUUID().slice(0, 8)}`): InstanceSpec {
    return {
      instanceId,
      containerName: `flotilla-test-${instanceId}`,
      agentName: `test-${instanceId}`,
      runtime: this.under.runtime,
      image: null,
      env: { FLOTILLA_TEST: 'plain' },
      limits: { cpus: 1, memoryBytes: 256 * 2 ** 20, pids: 128 },
      layout: plainHome,
    };
  }

  async running(): Promise<EngineInstance> {
    const made = await this.engine.create(this.spec());
    await this.engine.start(made.ref);
    return this.inspect(made.instanceId);
  }

  /** As `running`, with a home of a certain layout. */
  async runningWith(layout: HomeLayout, instanceId?: string): Promise<EngineInstance> {
    const made = await this.engine.create({ ...this.spec(instanceId), layout });
    await this.engine.start(made.ref);
    return this.inspect(made.instanceId);
  }

  async inspect(instanceId: string): Promise<EngineInstance> {
    const found = await this.engine.inspect(instanceId);
    if (!found) throw new Error(`${instanceId} is gone`);
    return found;
  }

  exited(instanceId: string): Promise<EngineInstance> {
    return until(`${instanceId} has exited`, async () => {
      const found = await this.inspect(instanceId);
      return found.phase === 'exited' && found;
    });
  }

  async exec(ref: string, request: ExecRequest, stdin: Buffer | string = '') {
    const handle = await this.engine.exec(ref, request);
    handle.stdin.end(stdin);
    const [stdout, stderr, code] = await Promise.all([collect(handle.stdout), collect(handle.stderr), handle.exited]);
    handle.close();
    return { stdout, stderr, code };
  }

  root(of: EngineInstance): Promise<Channel> {
    return this.channels.of(of, 'root');
  }

  developer(of: EngineInstance): Promise<Channel> {
    return this.channels.of(of, 'developer');
  }

  /** Has the entry script run a generation; `script` is a shell script without single quotes. */
  async launch(of: EngineInstance, generation: number, script: string): Promise<void> {
    const root = await this.root(of);
    const launch = `FLOTILLA_CWD='${this.engine.pathOf(of.ref, 'home')}'\nset -- 'sh' '-c' '${script}'\n`;
    await root.write('run', `gen/${generation}/launch`, launch, { mode: 0o600 });
    await root.write('run', 'want', `${generation}\n`);
    await until('the entry script listens', () => root.ring('run', 'wake'));
  }

  async close(): Promise<void> {
    this.channels.closeAll();
    for (const one of await this.engine.list()) await this.engine.remove(one.instanceId, { volumes: true });
    await this.under.close();
  }
}

export async function collect(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
