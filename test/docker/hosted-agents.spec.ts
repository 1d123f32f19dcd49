import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeDocker } from '../chaos/rig/docker-world.js';
import type { TrinityClient } from '../support/trinity-client.js';
import { until } from '../support/until.js';
import { OpencodeWorld, slowMs } from './turns-support.js';

interface AgentBody {
  readonly agentId: string;
  readonly status: string;
  readonly busy: boolean;
  readonly sessions: readonly { readonly id: string }[];
}

/** An agent with real OpenCode in a real container, made and used through the Hosted Agents API. */
describeDocker('an agent of the Hosted Agents API in a container', () => {
  let world: OpencodeWorld;
  let hosted: TrinityClient;
  beforeAll(async () => {
    world = await OpencodeWorld.with([]);
    const { body } = await world.admin.post('/api/v1/tokens', { label: 'docker' });
    hosted = world.admin.as(String(body['token']));
  }, 1_500_000);
  afterAll(() => world.close(), slowMs);

  const idle = (id: string): Promise<AgentBody> =>
    until(
      'it is idle',
      async () => {
        const { body } = await hosted.get<AgentBody>(`/api/v1/agents/${id}`);
        return body.status === 'RUNNING' && !body.busy && body;
      },
      slowMs,
    );
  const inside = (script: string, ref: string): string =>
    execFileSync('docker', ['exec', '--user', '10001', ref, 'sh', '-c', script], { encoding: 'utf8' });

  it(
    'does what it was made for, with instructions that only it can read',
    async () => {
      const made = await hosted.post<AgentBody>('/api/v1/agents', {
        name: 'build agent',
        initialPrompt: 'Set up the project. <<say ready>>',
        hiddenPrompt: 'ZEBRA-77: prefer small functions.',
      });
      expect(made.status).toBe(200);
      const { agentId } = made.body;
      const { sessions } = await idle(agentId);
      expect(sessions).toHaveLength(1);
      const instance = await world.instance('build-agent');
      const ref = instance?.ref ?? '';
      expect(inside('cat /dev/shm/flotilla-context/instructions.md', ref)).toBe('ZEBRA-77: prefer small functions.');
      expect(inside('grep -rl ZEBRA-77 /home/developer /tmp 2>/dev/null || true', ref)).toBe('');
      expect(execFileSync('docker', ['inspect', ref], { encoding: 'utf8' })).not.toContain('ZEBRA-77');
      expect(execFileSync('docker', ['logs', ref], { encoding: 'utf8' })).not.toContain('ZEBRA-77');
      // OpenCode was told where they are.
      const told = `tr '\\0' '\\n' </proc/$(pgrep -o opencode)/environ | grep -c flotilla-context`;
      expect(inside(told, ref).trim()).toBe('1');

      expect((await hosted.post(`/api/v1/agents/${agentId}/stop`)).body).toMatchObject({ stopped: true });
      expect((await hosted.post(`/api/v1/agents/${agentId}/start`)).body).toMatchObject({ started: true });
      expect((await world.ask('build-agent', 'again <<say again>>'))?.status).toBe(200);
      const after = (await world.instance('build-agent'))?.ref ?? '';
      expect(inside('cat /dev/shm/flotilla-context/instructions.md', after)).toContain('ZEBRA-77');
      expect((await hosted.delete(`/api/v1/agents/${agentId}`)).body).toEqual({ deleted: true });
    },
    2 * slowMs,
  );

  it(
    'is made and talked to by the program that the document ends with, as it stands there',
    async () => {
      const env = {
        ...process.env,
        HOSTEDAGENTS_API: `${world.server.url}/api/v1`,
        HOSTEDAGENTS_API_TOKEN: hosted.token ?? '',
      };
      const program = join(__dirname, 'documented-script.mjs');
      const { stdout } = await promisify(execFile)(process.execPath, [program], { env, timeout: slowMs });
      // Two prompts and two answers.
      expect(stdout).toBe('Total messages: 4\n');
    },
    2 * slowMs,
  );
});
