import { randomInt } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { ChannelError, Channels, type Channel } from '../instances/channel.port.js';
import { ContainerEngine } from '../instances/engine.port.js';
import { Instance } from '../instances/instance.entity.js';
import { Generation } from './generation.entity.js';
import type { LaunchPlan, OwnLaunch } from './launch-planner.service.js';
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
  private readonly logger = new Logger(Generations.name);

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
        applied: '0',
        cursor: '0',
        nextLine: 1,
        fingerprint: plan.fingerprint,
        demo: plan.demo,
        platformKey: plan.platformKey,
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
    const launch = await plan.launch(generation);
    const developer = await this.channels.of(at, 'developer');
    for (const file of launch.files) await developer.write('home', file.path, file.content, { mode: 0o600 });
    // Never written twice: a script that began meanwhile would go on writing to the file we replaced.
    const journal = `${folder}/journal`;
    if (!(await exists(root.stat('run', journal)))) await root.write('run', journal, '', { mode: 0o600 });
    const snippet = launchSnippet(launch, this.engine.pathOf(at.ref, 'home'));
    await root.write('run', `${folder}/launch`, snippet, { mode: 0o600 });
    await root.write('run', 'want', `${generation.number}\n`, { mode: 0o600 });
    await root.ring('run', 'wake');
    await this.sweep(root, instance, generation.number);
  }

  /** Gives back the disk blocks of a journal below `cursor`: nobody reads them again, and offsets stay what they are. */
  async trim(instance: Instance, generation: number, cursor: number): Promise<void> {
    const root = await this.channels.of({ instanceId: instance.id, ref: instance.ref ?? '' }, 'root');
    const journal = `${this.engine.pathOf(instance.ref ?? '', 'run')}/${folderOf(generation)}/journal`;
    const argv = ['fallocate', '--punch-hole', '--offset', '0', '--length', String(cursor), journal];
    await root.run({ argv, cwd: '/', timeoutMs: 10_000 });
  }

  /** Removes folders of generations that ended before the last one. The script may just be leaving that. */
  private async sweep(root: Channel, instance: Instance, number: number): Promise<void> {
    if (number < 3) return;
    const folder = `${this.engine.pathOf(instance.ref ?? '', 'run')}/gen`;
    const script = 'cd "$1" && while [ "$2" -gt 0 ] && [ -d "$2" ]; do rm -rf "./$2"; set -- "$1" $(($2 - 1)); done';
    await root
      .run({ argv: ['sh', '-c', script, 'sweep', folder, String(number - 2)], cwd: '/', timeoutMs: 10_000 })
      .catch((error: unknown) => this.logger.warn(`Old journals of ${instance.id} could not be removed`, error));
  }

  /** Signals a runtime process; its journal says when it is over. False when there is none, and none will come. */
  async signal(instance: Instance, generation: number, signal: 'TERM' | 'KILL'): Promise<boolean> {
    const at = { instanceId: instance.id, ref: instance.ref ?? '' };
    const root = await this.channels.of(at, 'root');
    const folder = folderOf(generation);
    const pid = await root.read('run', `${folder}/pids`).then(
      ({ data }) => /^(\d+)/.exec(data.toString())?.[1],
      (error: unknown) => ignoreMissing(error),
    );
    if (pid === undefined) {
      await root.remove('run', `${folder}/launch`).catch(ignoreMissing); // else it would still be started
      return false;
    }
    // Root in the container has no KILL capability: the runtime is signalled as its own user.
    const developer = await this.channels.of(at, 'developer');
    await developer.run({ argv: ['sh', '-c', `kill -${signal} -${pid}`], timeoutMs: 5000 });
    return true;
  }

  /** Marks a generation as being ended on purpose and tells its process to go. */
  async stop(instance: Instance, number: number, reason: string): Promise<void> {
    const asked = await this.db.run(async (tx) => {
      const row = await tx.lock(Generation, { instanceId: instance.id, number });
      if (!row || row.state === 'ended') return false;
      await markStopping(tx, row, reason, this.clock.now());
      return true;
    });
    if (asked) await this.signal(instance, number, 'TERM');
  }

  /** Ends a runtime process that has nothing to do; one that was given something meanwhile goes on. */
  async sleep(instance: Instance, number: number): Promise<void> {
    const asked = await this.db.run(async (tx) => {
      const row = await tx.lock(Generation, { instanceId: instance.id, number });
      if (row?.state !== 'ready') return false;
      const [busy] = await tx.query(
        `select 1 from turns where instance_id = $1 and (state = 'queued' or (state = 'running' and generation = $2)) limit 1`,
        [instance.id, number],
      );
      if (busy) return false;
      await markStopping(tx, row, 'The runtime sleeps: it was idle', this.clock.now());
      return true;
    });
    if (asked) await this.signal(instance, number, 'TERM');
  }

  private innerPort(): number {
    return this.engine.kind === 'local' ? randomInt(20_000, 32_000) : ownLoopbackPort;
  }
}

/**
 * The shell snippet that becomes the runtime: it is read once by root's entry script and deleted. What comes from the
 * agent's home must not steer root's own programs: it waits in a pipe until the process is the agent's.
 */
export function launchSnippet(launch: OwnLaunch, home: string): string {
  const env = {
    HOME: home,
    USER: 'developer',
    LOGNAME: 'developer',
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    ...launch.env,
  };
  const own = [...launch.own].filter(([name]) => !Object.hasOwn(env, name)).map(exported);
  const lines = [...Object.entries(env).map(exported), `FLOTILLA_CWD=${quoted(home)}`];
  if (own.length === 0) return [...lines, `set -- ${launch.argv.map(quoted).join(' ')}`, ''].join('\n');
  const argv = ['sh', '-c', 'eval "$(cat <&9)"; exec 9<&-; exec "$@"', 'sh', ...launch.argv];
  const pipe = [`own=${quoted(own.join('\n'))}`, 'exec 9<<FLOTILLA_OWN', '$own', 'FLOTILLA_OWN', 'unset own'];
  return [...lines, ...pipe, `set -- ${argv.map(quoted).join(' ')}`, ''].join('\n');
}

const exported = ([name, value]: readonly [string, string]): string => `export ${name}=${quoted(value)}`;

/** `usedAt` says since when it is being stopped. */
async function markStopping(tx: Tx, row: Generation, reason: string, now: Date): Promise<void> {
  const since = row.state === 'stopping' ? {} : { usedAt: now };
  const patch = { state: 'stopping', endReason: row.endReason ?? reason, ...since } as const;
  await tx.of(Generation).update({ instanceId: row.instanceId, number: row.number }, patch);
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

async function exists(stat: Promise<unknown>): Promise<boolean> {
  const found = await stat.then(() => true, ignoreMissing);
  return found ?? false;
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof ChannelError && error.fault === 'not_found') return undefined;
  throw error;
}
