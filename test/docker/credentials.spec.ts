import { execFileSync } from 'node:child_process';
import { describeDocker } from '../chaos/rig/docker-world.js';
import { OpencodeWorld, slowMs } from './turns-support.js';

const secret = 'sk-docker-canary-5521';

describeDocker('credentials in a real container, with OpenCode', () => {
  let world: OpencodeWorld;
  beforeAll(async () => {
    world = await OpencodeWorld.with(['keeper']);
  }, 1_500_000);
  afterAll(() => world.close(), slowMs);

  const at = '/api/agents/keeper';
  const inContainer = async (...argv: string[]): Promise<string> => {
    const ref = (await world.instance('keeper'))?.ref ?? '';
    return execFileSync('docker', ['exec', '-u', 'developer', ref, ...argv]).toString();
  };
  const env = (): Promise<string> => inContainer('cat', '/home/developer/.env');

  it(
    'come in, go out, come back, and are seen by a shell of the runtime only',
    async () => {
      const files = { '.env': `DOCKER_CANARY='${secret}'\nLD_PRELOAD=/x.so\n`, '.ssh/id_x': 'k' };
      const written = await world.admin.post(`${at}/credentials/inject`, { files });
      expect([written.status, written.body['files_written']]).toEqual([200, ['.env', '.ssh/id_x']]);
      expect(await inContainer('stat', '-c', '%a %U', '/home/developer/.env', '/home/developer/.ssh')).toBe(
        '600 developer\n700 developer\n',
      );
      const first = await env();
      expect((await world.admin.post(`${at}/credentials/export`)).body['files_exported']).toBe(2);
      await inContainer('sh', '-c', 'echo CHANGED=1 >/home/developer/.env');
      expect((await world.admin.post(`${at}/credentials/import`)).status).toBe(200);
      expect(await env()).toBe(first);

      await inContainer('sh', '-c', 'echo CHANGED=2 >/home/developer/.env');
      await world.admin.post(`${at}/stop`);
      const { body } = await world.admin.post(`${at}/start`);
      expect(body).toMatchObject({ credentials_injection: 'success', credentials_result: { credential_count: 2 } });
      expect(await env()).toBe(first);

      const command = 'printf "%s|%s|%s" "$DOCKER_CANARY" "$LD_PRELOAD" "$TRINITY_MCP_API_KEY" \\> seen.txt; id -un';
      const answer = await world.ask('keeper', `look-1 <<bash ${command}>> <<say done>>`);
      expect(answer?.status).toBe(200);
      const [seen, preload, key] = (await inContainer('cat', '/home/developer/seen.txt')).split('|');
      expect([seen, preload]).toEqual([secret, '']);
      expect(key).toMatch(/^trinity_mcp_[\w-]{43}$/);
      expect((await world.admin.as(key ?? '').get(at)).status).toBe(200);

      const container = (await world.instance('keeper'))?.ref ?? '';
      const told = execFileSync('docker', ['inspect', container]).toString();
      const printed = execFileSync('docker', ['logs', container], { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
      const arguments_ = execFileSync('docker', ['top', container, '-eo', 'pid,args']).toString();
      for (const text of [told, printed, arguments_]) {
        expect(text.includes(secret) || text.includes(key ?? '')).toBe(false);
      }
    },
    2 * slowMs,
  );
});
