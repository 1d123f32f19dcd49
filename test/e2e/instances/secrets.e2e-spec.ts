import { readFileSync } from 'node:fs';
import path from 'node:path';
import { LocalEngine } from '../../../src/adapters/local/local.engine.js';
import { permissions, type Principal } from '../../../src/core/access/principal.js';
import { User } from '../../../src/core/accounts/user.entity.js';
import { Groups } from '../../../src/core/groups/groups.service.js';
import { Secrets } from '../../../src/core/groups/secrets.service.js';
import type { AgentRuntime } from '../../../src/core/runtimes/runtime.port.js';
import { Shells } from '../../../src/core/ssh/shells.service.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { scriptedPrograms, scriptedRuntime } from '../../support/scripted-adapter.js';
import { until } from '../../support/until.js';

const organisation = 'value-of-the-organisation';
const group = 'value "of" the group $HOME';

/** As the scripted runtime, but its first words on standard error, which is the container's output, hold what it was given. */
const noisy: AgentRuntime = {
  ...scriptedRuntime,
  name: 'noisy',
  launch(context) {
    const launch = scriptedRuntime.launch(context);
    return { ...launch, argv: ['sh', '-c', 'echo "noise $K" >&2; exec "$@"', 'sh', ...launch.argv] };
  },
};
const programs = { ...scriptedPrograms, noisy: scriptedPrograms['scripted'] ?? { bin: '' } };

describe('secrets of an organisation and of a group', () => {
  let fleet: Fleet;
  let who: Principal;
  let groupId: string;

  beforeAll(async () => {
    fleet = await bootFleet({
      runtimes: [noisy],
      engine: (config, installId) => new LocalEngine({ config, installId, extraRuntimes: programs }),
      env: { FLOTILLA_DEFAULT_RUNTIME: noisy.name },
    });
    const { id: userId, personalOrgId: orgId } = await fleet.db.of(User).findOneByOrFail({ username: 'admin' });
    const named = { userId, username: 'admin', email: null, role: 'admin', orgId, orgIds: [orgId] } as const;
    who = { ...named, permissions: new Set(permissions), via: { kind: 'system' } };
    await fleet.app.get(Secrets).put(who, null, { K: organisation, ONLY_ORG: 'of the organisation only' });
    groupId = (await fleet.app.get(Groups).create(who, 'S')).id;
    await fleet.app.get(Secrets).put(who, groupId, { K: group });
    await fleet.givenAgent('free');
    await fleet.givenAgent('grouped');
    await assign('grouped', groupId);
    await restart('grouped');
  });
  afterAll(() => fleet.close());

  const homeOf = async (name: string): Promise<string> =>
    fleet.engine.pathOf((await fleet.instanceOf(name)).ref ?? '', 'home');
  const assign = (slug: string, to: string | null): Promise<void> => fleet.app.get(Groups).assign(who, { slug }, to);

  async function restart(name: string): Promise<void> {
    await fleet.admin.post(`/api/agents/${name}/stop`);
    expect((await fleet.admin.post(`/api/agents/${name}/start`)).status).toBe(200);
  }

  /** What a command of the runtime writes down: nobody looks at that on its way. */
  async function seen(name: string, command: string): Promise<string> {
    const { status, body } = await fleet.chat(name, `<<bash (${command}) \\> seen.out 2\\>&1>> <<say done>>`);
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
    return readFileSync(path.join(await homeOf(name), 'seen.out'), 'utf8').trim();
  }
  const both = 'echo "$K|${ONLY_ORG-unset}"';

  /** What a person's command in the agent prints. */
  async function shell(name: string): Promise<string> {
    const shells = fleet.app.get(Shells);
    const place = await shells.placeOf((await fleet.instanceOf(name)).agentId);
    if (!place) throw new Error('it does not run');
    const one = await shells.start(place, { argv: ['sh', '-c', both], tty: null });
    let text = '';
    one.handle.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await one.handle.exited;
    await one.end();
    return text.trim();
  }

  it('reach the runtime of an agent, and the commands of people in it', async () => {
    expect(await seen('free', both)).toBe(`${organisation}|of the organisation only`);
    expect(await seen('grouped', both)).toBe(`${group}|unset`);
    expect(await shell('free')).toBe(`${organisation}|of the organisation only`);
    expect(await shell('grouped')).toBe(`${group}|unset`);
  });

  it('are given way to by the .env of the agent itself', async () => {
    await fleet.givenAgent('own');
    await fleet.admin.post('/api/agents/own/credentials/inject', { files: { '.env': 'K=from its own home' } });
    expect(await seen('own', 'echo "$K"')).toBe('from its own home');
    expect(await shell('own')).toBe('from its own home|of the organisation only');
  });

  it('change with the next start of the container, and not before', async () => {
    await fleet.givenAgent('changing');
    expect(await seen('changing', 'echo "$K"')).toBe(organisation);
    await assign('changing', groupId);
    await fleet.db.query(`update generations set fingerprint = 'old' where state <> 'ended'`); // another runtime process
    expect(await seen('changing', 'echo "$K"')).toBe(organisation);
    expect(await shell('changing')).toContain(organisation);
    await restart('changing');
    expect(await seen('changing', 'echo "$K"')).toBe(group);
    await assign('changing', null);
    await restart('changing');
    expect(await seen('changing', 'echo "$K"')).toBe(organisation);
  });

  it('are not shown when the agent prints them: in its answer, its tools, its logs', async () => {
    await fleet.admin.post('/api/agents/grouped/restart');
    const prompt = `<<bash echo "K=$K">> <<say it is ${group.slice(0, 9)}>><<say ${group.slice(9)}!>>`;
    // The message itself is the user's, and holds the halves apart.
    const { status, body } = await fleet.chat('grouped', prompt);
    expect(status).toBe(200);
    expect(body['response']).toContain('it is [redacted]!');
    const { agentId } = await fleet.instanceOf('grouped');
    const events = JSON.stringify(
      await fleet.db.query(
        `select e.kind, e.data from session_events e join sessions s on s.id = e.session_id
         where s.agent_id = $1 and e.kind <> 'user_message'`,
        [agentId],
      ),
    );
    expect(events).toContain('K=[redacted]');
    expect(events).not.toContain(JSON.stringify(JSON.stringify(group).slice(1, -1)).slice(1, -1));
    expect(events).not.toContain(JSON.stringify(group).slice(1, -1));
    const logs = await until('the noise is in the logs', async () => {
      const answer = await fleet.admin.get('/api/agents/grouped/logs?tail=1000');
      return String(answer.body['logs']).includes('noise') && String(answer.body['logs']);
    });
    expect(logs).toContain('noise [redacted]');
    expect(logs).not.toContain('of" the group');
    // An earlier value is not shown either, after the agent was given another one.
    await assign('grouped', null);
    await restart('grouped');
    const later = await fleet.chat('grouped', '<<read seen.out>> <<bash cat seen.out>>');
    expect(later.status).toBe(200);
    const { body: tail } = await fleet.admin.get('/api/agents/grouped/logs?tail=1000');
    expect(String(tail['logs'])).not.toContain('of" the group');
  });

  it('stay with a running container whose group is deleted', async () => {
    const doomed = (await fleet.app.get(Groups).create(who, 'doomed')).id;
    await fleet.app.get(Secrets).put(who, doomed, { K: 'value of the doomed', EXTRA: 'extra of the doomed' });
    await assign('own', doomed);
    // Shells have what lies there, too; it cannot be deleted.
    await fleet.admin.post('/api/agents/own/credentials/inject', { files: { '.env': '# nothing of its own' } });
    await restart('own');
    const { boot } = await fleet.instanceOf('own');
    expect(await fleet.app.get(Groups).remove(who, doomed)).toEqual({ dropped: ['K'] });
    expect(await shell('own')).toContain('value of the doomed');
    expect((await fleet.instanceOf('own')).boot).toBe(boot);
    await restart('own');
    expect(await shell('own')).toContain(organisation);
  });
});
