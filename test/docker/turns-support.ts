import { execFileSync } from 'node:child_process';
import { expectReasons, expectWholeSessions, untilSettled } from '../chaos/invariants.js';
import { report } from '../chaos/rig/rounds.js';
import { containersOf, dockerWorld, type DockerWorld, volumesOf } from '../chaos/rig/docker-world.js';
import type { ChildServer } from '../chaos/child-server.js';
import type { Answer, TrinityClient } from '../support/trinity-client.js';
import { until } from '../support/until.js';

/** Milliseconds a step with a real runtime may take on a busy machine. */
export const slowMs = 240_000;

export interface TurnRow {
  readonly state: string;
  readonly answer: string | null;
  readonly error: string | null;
}

export interface InstanceRow {
  readonly slug: string;
  readonly desired: string;
  readonly state: string;
  readonly ref: string | null;
  readonly boot: string | null;
}

/** Agents with real OpenCode and the demo model in real containers, on a server that can be killed. */
export class OpencodeWorld {
  private constructor(readonly world: DockerWorld) {}

  /** The first agent waits for the image, which the server builds where it is missing. */
  static async with(names: readonly string[]): Promise<OpencodeWorld> {
    const made = new OpencodeWorld(await dockerWorld({ FLOTILLA_DEFAULT_RUNTIME: 'opencode', OPENAI_API_KEY: '' }));
    for (const name of names) {
      const { status, body } = await made.admin.post('/api/agents', { name });
      if (status !== 200) throw new Error(`${name}: ${status} ${JSON.stringify(body)}`);
    }
    return made;
  }

  get server(): ChildServer {
    return this.world.server;
  }

  get admin(): TrinityClient {
    return this.world.server.admin;
  }

  /** Sends a message; null when the connection broke. The first word of the message names the turn. */
  ask(name: string, message: string): Promise<Answer | null> {
    return this.quiet(() => this.admin.post(`/api/agents/${name}/chat`, { message }));
  }

  /** A call that may be cut by a kill. */
  quiet(call: () => Promise<Answer>): Promise<Answer | null> {
    return call().catch(() => null);
  }

  async turn(mark: string): Promise<TurnRow | null> {
    const rows = await this.server.sql<TurnRow>(`select state, answer, error from turns where prompt like '${mark} %'`);
    expect(rows.length).toBeLessThanOrEqual(1);
    return rows[0] ?? null;
  }

  runs(mark: string): Promise<unknown> {
    return until(`${mark} runs`, async () => (await this.turn(mark))?.state === 'running', slowMs);
  }

  finished(mark: string): Promise<TurnRow> {
    return until(
      `${mark} is over`,
      async () => {
        const row = await this.turn(mark);
        return row && row.state !== 'queued' && row.state !== 'running' && row;
      },
      slowMs,
    );
  }

  instances(): Promise<InstanceRow[]> {
    return this.server.sql<InstanceRow>(
      'select a.slug, i.desired, i.state, i.ref, i.boot from instances i join agents a on a.id = i.agent_id',
    );
  }

  /** null when there is no such agent. */
  async instance(name: string): Promise<InstanceRow | null> {
    return (await this.instances()).find(({ slug }) => slug === name) ?? null;
  }

  async refOf(name: string): Promise<string> {
    return (await this.instance(name))?.ref ?? '';
  }

  /** The server runs, and the engine answers as it should. */
  async mended(): Promise<void> {
    this.world.proxy.faults = [];
    if (!this.server.running) await this.server.start();
  }

  /** kill -9, and up again. */
  async die(moment: string): Promise<void> {
    const calls = this.world.proxy.inFlight.filter((call) => !/^(POST \/exec|GET)/.test(call));
    await this.server.kill();
    const atEngine = calls.map((call) => call.replace(/\?.*/, '')).join(', ') || 'nothing';
    report('the server of OpenCode killed', [moment], `at the engine: ${atEngine}`);
    await this.server.start();
  }

  /** Open approvals or questions, by id. */
  async open(kind: 'approvals' | 'questions'): Promise<string[]> {
    return (await this.admin.get<{ id: string }[]>(`/~console/${kind}`)).body.map(({ id }) => id);
  }

  async linesOf(name: string, file: string): Promise<string[]> {
    const { status, body } = await this.admin.get<string>(`/api/agents/${name}/files/download?path=${file}`);
    return status === 200 ? body.split('\n').filter((line) => line !== '') : [];
  }

  /** The invariants that hold whenever nothing is under way. */
  async expectWhole(): Promise<void> {
    await untilSettled(this.server);
    await expectWholeSessions(this.server);
    await expectReasons(this.server);
    const rows = await this.server.sql<{ id: string; state: string }>('select id, state from instances');
    const containers = await containersOf(this.world.install);
    const told = containers.map(({ Labels, State }) => [Labels['flotilla.instance'], State === 'running']);
    expect(told.sort()).toEqual(rows.map(({ id, state }) => [id, state === 'running']).sort());
    expect(await volumesOf(this.world.install)).toHaveLength(rows.length * 2);
  }

  close(): Promise<void> {
    return this.world.close();
  }
}

/** What the runtimes of a container have written. */
export function journalOf(ref: string): string {
  const script = 'cat /var/lib/flotilla/gen/*/journal';
  return execFileSync('docker', ['exec', '-u', 'root', ref, 'sh', '-c', script], { maxBuffer: 1e9 }).toString();
}
