import { LocalEngine } from '../../../src/adapters/local/local.engine.js';
import type { AgentRuntime } from '../../../src/core/runtimes/runtime.port.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { scriptedPrograms, scriptedRuntime } from '../../support/scripted-adapter.js';
import type { SocketClient } from '../../support/socket-client.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

/** Its program at a terminal shows what it was started with. */
const shown: AgentRuntime = {
  ...scriptedRuntime,
  name: 'shown',
  title: 'Runtime that shows itself',
  terminalPrograms: ['no-such-program', '/no/such/*', '/usr/bin/printen*'],
  launch: (context) => ({ ...scriptedRuntime.launch(context), env: { SHOWN_MODEL: context.model ?? 'none' } }),
};

describe('the terminal in a browser', () => {
  let fleet: Fleet;
  let owner: TrinityClient;
  beforeAll(async () => {
    const extraRuntimes = { ...scriptedPrograms, shown: scriptedPrograms['scripted'] ?? { bin: '' } };
    fleet = await bootFleet({
      runtimes: [shown],
      engine: (config, installId) => new LocalEngine({ config, installId, extraRuntimes }),
    });
    owner = await fleet.givenUser('olga', { signedIn: true });
    await fleet.givenAgent('hello', {}, owner);
    await fleet.givenAgent('shown', { runtime: 'shown', runtime_model: 'scripted-1' }, owner);
    await fleet.givenAgent('asleep', {}, owner);
    await owner.post('/api/agents/asleep/stop');
  });
  afterAll(() => fleet.close());

  const connect = (name = 'hello', mode = 'bash', token = owner.token): SocketClient => {
    const socket = fleet.socket(`/api/agents/${name}/terminal?mode=${mode}`);
    socket.socket.once('open', () => socket.send({ type: 'auth', token }));
    return socket;
  };
  // The first message says that the sign-in was good.
  const output = (socket: SocketClient): string => socket.messages.slice(1).join('');
  const says = (socket: SocketClient, what: RegExp) => socket.waitFor((one) => what.test(output(one)), 30_000);
  const ended = (socket: SocketClient) => socket.waitFor((one) => one.closed, 30_000);
  const free = () => until('nothing is left', async () => (await fleet.db.query('select id from shells')).length === 0);

  it('is a shell in the home of the agent, that is resized and typed into as text or bytes', async () => {
    const socket = connect();
    await socket.waitFor((one) => one.messages[0] === '{"type":"auth_success"}');
    socket.send('stty size\n');
    await says(socket, /[\r\n]24 80\r/);
    socket.send({ type: 'resize', cols: 132, rows: 50 });
    socket.socket.send(Buffer.from('stty size; echo "$USER@$PWD"\n'));
    await says(socket, /[\r\n]50 132\r\ndeveloper@\//);
    socket.send('exit\n');
    expect((await ended(socket)).code).toBe(1000);
    await free();
  });

  it("starts the runtime's own program, or says that there is none", async () => {
    const socket = connect('hello', 'claude');
    await says(socket, /this agent has no terminal program of Scripted runtime; here is a shell/);
    socket.close();
    await free();
  });

  it('starts it with what the runtime has: its model, its key, what lies in .env', async () => {
    await owner.post('/api/agents/shown/credentials/inject', { files: { '.env': 'FROM_HOME=here\n' } });
    const socket = connect('shown', 'claude');
    await says(socket, /SHOWN_MODEL=scripted-1[^]*FROM_HOME=here|FROM_HOME=here[^]*SHOWN_MODEL=scripted-1/);
    expect((await ended(socket)).code).toBe(1000);
    await free();
  });

  it('has in a shell what lies in .env now, and the key of the agent', async () => {
    await owner.post('/api/agents/shown/credentials/inject', { files: { '.env': 'FROM_HOME=changed\n' } });
    const socket = connect('shown');
    socket.socket.once('message', () => socket.send('echo "$FROM_HOME-${TRINITY_MCP_API_KEY%%_*}-$USER"\n'));
    await says(socket, /changed-trinity-developer/);
    socket.close();
    await free();
  });

  it('ends with everything it started when the browser leaves, and is there again', async () => {
    const socket = connect();
    socket.socket.once('message', () => socket.send('setsid sleep 1234 & trap "" HUP; echo rea""dy\n'));
    await says(socket, /ready/);
    socket.close();
    await free();
    const again = connect();
    await says(again, /\$ /);
    again.close();
    await free();
  });

  it.each([
    ['somebody unknown', 4001, () => connect('hello', 'bash', 'x')],
    ['a stopped agent', 4004, () => connect('asleep')],
    ['an unknown agent', 4004, () => connect('nobody')],
  ])('closes for %s with %i', async (_who, code, open) => {
    const socket = open();
    expect((await ended(socket)).code).toBe(code);
    expect(JSON.parse(socket.messages.at(-1) ?? '')).toMatchObject({ type: 'error', close: true });
  });

  it('closes with 4003 for those who do not own the agent, with 4002 for a second one', async () => {
    const guest = await fleet.givenUser('gustav', { signedIn: true });
    expect((await ended(connect('hello', 'bash', guest.token))).code).toBe(4003);
    const first = connect();
    await says(first, /\$ /);
    expect((await ended(connect())).code).toBe(4002);
    expect(first.closed).toBeNull();
    first.close();
    await free();
  });

  it('does not open for pages of others', async () => {
    const socket = fleet.socket('/api/agents/hello/terminal', { headers: { origin: 'http://evil.example' } });
    expect((await socket.waitFor((one) => one.refused)).status).toBe(403);
  });

  it('lets a slow browser wait, and loses nothing', async () => {
    const socket = connect();
    await says(socket, /\$ /);
    socket.socket.pause();
    socket.send('head -c 5000000 /dev/zero | tr "\\0" x; echo; echo the-""end\n');
    await fleet.admin.get('/health');
    socket.socket.resume();
    await says(socket, /the-end/);
    expect(output(socket).replace(/[^x]/g, '').length).toBeGreaterThanOrEqual(5_000_000);
    socket.close();
    await free();
  });

  it('ends with the sign-in, and with the agent', async () => {
    const login = await fleet.givenUser('paula', { signedIn: true, role: 'admin' });
    const one = connect('hello', 'bash', login.token);
    await says(one, /\$ /);
    await fleet.request('POST', '/api/auth/logout', { token: login.token ?? '' });
    expect((await ended(one)).code).toBe(4003);
    await free();
    const other = connect();
    await says(other, /\$ /);
    await owner.post('/api/agents/hello/stop');
    expect((await ended(other)).code).toBe(4004);
    await free();
  });
});
