import { execFileSync } from 'node:child_process';
import { describeDocker } from '../chaos/rig/docker-world.js';
import { OpencodeWorld, slowMs } from './turns-support.js';

const organisation = 'docker-canary-of-the-organisation-7731';
const scoped = 'docker-canary "of" the scope 8842';

describeDocker('secrets in a real container, with OpenCode', () => {
  let world: OpencodeWorld;
  beforeAll(async () => {
    world = await OpencodeWorld.with(['scoped']);
  }, 1_500_000);
  afterAll(() => world.close(), slowMs);

  const output = (...argv: string[]): string => execFileSync('docker', argv, { maxBuffer: 64 * 2 ** 20 }).toString();

  it(
    'are those of its scope only, are no part of the container, and are not shown when it prints them',
    async () => {
      const token = String((await world.admin.post('/api/v1/tokens', { label: 'docker' })).body['token']);
      const hosted = world.admin.as(token);
      const values = { K: organisation, ONLY_ORG: `${organisation}-too` };
      expect((await hosted.put('/api/v1/secrets', { secrets: values })).status).toBe(200);
      const scope = String((await hosted.post('/api/v1/scopes', { name: 'S' })).body['id']);
      expect((await hosted.put(`/api/v1/scopes/${scope}/secrets`, { key: 'K', value: scoped })).status).toBe(200);
      await world.server.sql('update agents set group_id = (select id from agent_groups)');
      await world.admin.post('/api/agents/scoped/stop');
      expect((await world.admin.post('/api/agents/scoped/start')).status).toBe(200);

      const command = 'printf "%s|%s" "$K" "$ONLY_ORG" \\> seen.txt; echo "it is $K"; env | grep ^K=';
      const answer = await world.ask('scoped', `look-1 <<bash ${command}>> <<say done>>`);
      expect(answer?.status).toBe(200);
      const ref = await world.refOf('scoped');
      expect(output('exec', '-u', 'developer', ref, 'cat', '/home/developer/seen.txt')).toBe(`${scoped}|`);

      const events = JSON.stringify(
        await world.server.sql(`select kind, data from session_events where kind <> 'user_message'`),
      );
      expect(events).toContain('it is [redacted]');
      expect(events).toContain('K=[redacted]');
      const logs = await world.admin.get('/api/agents/scoped/logs?tail=10000');
      const shown = [events, JSON.stringify(logs.body), world.server.output];
      const told = [output('inspect', ref), output('top', ref, '-eo', 'pid,args')];
      for (const text of [...shown, ...told]) {
        expect(text).not.toMatch(/docker-canary/);
      }
      // What a stranger in the container can read of the runtime's environment: nothing.
      const peek = 'cat /proc/[0-9]*/environ 2>/dev/null | grep -ac docker-canary || true';
      expect(output('exec', '-u', 'nobody', ref, 'sh', '-c', peek).trim()).toBe('0');
      expect(Number(output('exec', '-u', 'developer', ref, 'sh', '-c', peek).trim())).toBeGreaterThan(0);
    },
    2 * slowMs,
  );
});
