import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { SocketClient } from '../../support/socket-client.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

describe('the terminal in a browser', () => {
  let fleet: Fleet;
  let owner: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    owner = await fleet.givenUser('olga', { signedIn: true });
    await fleet.givenAgent('hello', {}, owner);
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
    await says(socket, /has no program scripted/);
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
