import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { ChannelError, Channels } from '../instances/channel.port.js';
import { ContainerEngine } from '../instances/engine.port.js';
import { Instance } from '../instances/instance.entity.js';
import { Generation } from './generation.entity.js';
import type { LaunchPlan } from './launch-planner.service.js';
import type { Launch } from './runtime.port.js';
import { folderOf, Spool } from './spool.service.js';

/** Everything we can show or do for a runtime when it asks: nothing of the client's own, but questions. */
const clientCapabilities = {
  fs: { readTextFile: false, writeTextFile: false },
  terminal: false,
  elicitation: { form: {}, url: {} },
};

/** Port of a runtime's inner server where each instance has a loopback of its own. */
const ownLoopbackPort = 4096;

/** Lives of runtime processes: starting one, putting one to sleep. Their end is read in the journal. */
@Injectable()
export class Generations {
  constructor(
    private readonly db: UnitOfWork,
    private readonly channels: Channels,
    private readonly engine: ContainerEngine,
    private readonly spool: Spool,
    private readonly clock: Clock,
  ) {}

  /** The generation that has not ended; null when none lives. */
  current(instanceId: string): Promise<Generation | null> {
    return this.db
      .of(Generation)
      .createQueryBuilder('g')
      .where('g.instance_id = :instanceId and g.state <> :ended', { instanceId, ended: 'ended' })
      .orderBy('g.number', 'DESC')
      .getOne();
  }

  /** Numbers a new generation with its first line, `initialize`. Null when one lives already. */
  open(instance: Instance, plan: LaunchPlan): Promise<Generation | null> {
    return this.db.run(async (tx) => {
      const row = await tx.lock(Instance, { id: instance.id });
      if (row?.state !== 'running' || row.boot !== instance.boot) return null;
      const [last] = await tx
        .of(Generation)
        .find({ where: { instanceId: row.id }, order: { number: 'DESC' }, take: 1 });
      if (last && last.state !== 'ended') return null;
      const now = this.clock.now();
      const generation = new Generation();
      Object.assign(generation, {
        instanceId: row.id,
        number: (last?.number ?? 0) + 1,
        state: 'starting',
        boot: row.boot,
        cursor: '0',
        nextLine: 1,
        fingerprint: plan.fingerprint,
        agentInfo: null,
        innerPort: plan.runtime.needsInnerPort ? this.innerPort() : 0,
        endReason: null,
        createdAt: now,
        usedAt: now,
        endedAt: null,
      });
      await tx.of(Generation).insert(generation as never);
      const clientInfo = { name: 'flotilla', title: 'Flotilla', version: '0.1.0' };
      const params = { protocolVersion: 1, clientInfo, clientCapabilities };
      await this.spool.push(tx, generation, { id: `init:${generation.number}`, method: 'initialize', params });
      return generation;
    });
  }

  /** Lays out the generation's folder and asks the entry script to run it. May be repeated after a crash. */
  async launch(instance: Instance, generation: Generation, plan: LaunchPlan): Promise<void> {
    const at = { instanceId: instance.id, ref: instance.ref ?? '' };
    const root = await this.channels.of(at, 'root');
    const folder = folderOf(generation.number);
    if (await exists(root.stat('run', `${folder}/started`))) return;
    const launch = plan.launch(generation);
    const developer = await this.channels.of(at, 'developer');
    for (const file of launch.files) await developer.write('home', file.path, file.content, { mode: 0o600 });
    // Never written twice: a script that began meanwhile would go on writing to the file we replaced.
    const journal = `${folder}/journal`;
    if (!(await exists(root.stat('run', journal)))) await root.write('run', journal, '', { mode: 0o600 });
    const snippet = launchSnippet(launch, this.engine.pathOf(at.ref, 'home'));
    await root.write('run', `${folder}/launch`, snippet, { mode: 0o600 });
    await root.write('run', 'want', `${generation.number}\n`, { mode: 0o600 });
    await root.ring('run', 'wake');
  }

  /** Ends a runtime process. Its journal says when it is over. */
  async signal(instance: Instance, generation: number, signal: 'TERM' | 'KILL'): Promise<void> {
    const at = { instanceId: instance.id, ref: instance.ref ?? '' };
    const root = await this.channels.of(at, 'root');
    let pid: string | undefined;
    try {
      const { data } = await root.read('run', `${folderOf(generation)}/pids`);
      pid = /^(\d+)/.exec(data.toString())?.[1];
    } catch (error) {
      if (!(error instanceof ChannelError) || error.fault !== 'not_found') throw error;
    }
    if (pid === undefined) return;
    // Root in the container has no KILL capability: the runtime is signalled as its own user.
    const developer = await this.channels.of(at, 'developer');
    await developer.run({ argv: ['sh', '-c', `kill -${signal} -${pid}`], timeoutMs: 5000 });
  }

  /** Marks a generation as being ended on purpose and tells its process to go. */
  async stop(instance: Instance, number: number, reason: string): Promise<void> {
    const asked = await this.db.run(async (tx) => {
      const row = await tx.lock(Generation, { instanceId: instance.id, number });
      if (!row || row.state === 'ended') return false;
      await tx
        .of(Generation)
        .update(
          { instanceId: instance.id, number },
          { state: 'stopping', endReason: reason, usedAt: this.clock.now() },
        );
      return true;
    });
    if (asked) await this.signal(instance, number, 'TERM');
  }

  private innerPort(): number {
    return this.engine.kind === 'local' ? randomInt(20_000, 32_000) : ownLoopbackPort;
  }
}

/** The shell snippet that becomes the runtime: it is read once by root's entry script and deleted. */
export function launchSnippet(launch: Launch, home: string): string {
  const env = {
    HOME: home,
    USER: 'developer',
    LOGNAME: 'developer',
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    ...launch.env,
  };
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`);
  return [...exports, `FLOTILLA_CWD=${quoted(home)}`, `set -- ${launch.argv.map(quoted).join(' ')}`, ''].join('\n');
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

async function exists(stat: Promise<unknown>): Promise<boolean> {
  try {
    await stat;
    return true;
  } catch (error) {
    if (error instanceof ChannelError && error.fault === 'not_found') return false;
    throw error;
  }
}
