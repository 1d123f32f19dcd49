import { randomUUID } from 'node:crypto';
import { LoginTokens } from '../../src/core/accounts/login-tokens.js';
import { TicketsService } from '../../src/core/accounts/tickets.service.js';
import { Authenticator } from '../../src/core/access/authenticator.port.js';
import { User } from '../../src/core/accounts/user.entity.js';
import { UsersService } from '../../src/core/accounts/users.service.js';
import { LinkAddresses } from '../../src/core/links/link-addresses.js';
import { AgentDirectory } from '../../src/core/fleet/agent-directory.service.js';
import { Secret } from '../../src/core/credentials/secret.js';
import { Passwords } from '../../src/core/accounts/passwords.js';
import { UnitOfWork } from '../../src/platform/database/unit-of-work.js';
import { dialectsFor } from '../../src/dialects/index.js';
import { JsonLogger } from '../../src/platform/logging/logger.js';
import { adminPassword, boot, type Flotilla } from '../support/boot.js';
import { until } from '../support/until.js';
import { operationsOf } from './support/operations.js';
import { Wire } from './support/wire.js';

describe('sign-in under attack', () => {
  let flotilla: Flotilla;
  let wire: Wire;
  let login: string;
  const lines: string[] = [];
  beforeAll(async () => {
    flotilla = await boot({ logger: new JsonLogger('debug', { write: (line) => void lines.push(line) }) });
    wire = new Wire(flotilla.url);
    login = await flotilla.login();
  });
  afterAll(async () => {
    wire.close();
    await flotilla.close();
  });

  const me = async (token: string): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await wire.send({ method: 'GET', path: '/api/users/me', headers })).status;
  };

  describe('S9: no token in an address', () => {
    /** Documented: where neither header nor cookie can be sent (contract 2.1). Sockets have `/ws?ticket=` and `/ws?token=`. */
    const documented = ['GET /api/auth/validate: token'];
    /** Names of what lets somebody in. An id tells which one is meant, and lets nobody in. */
    const opens = ({ name }: { readonly name: string }): boolean =>
      /token|secret|password|api_?key|ticket|credential|capability|signature|code|bearer|session_?key|jwt/i.test(
        name,
      ) && !/Id$/.test(name);

    it('but the documented one, and the addresses that are made to be handed on', () => {
      const dialects = dialectsFor(flotilla.config).map(({ name }) => name);
      expect(dialects.length).toBeGreaterThan(3);
      const operations = dialects.flatMap((dialect) => operationsOf(flotilla, dialect));
      const found = operations.flatMap(({ name, parameters }) =>
        parameters.filter((one) => one.in !== 'header' && opens(one)).map((one) => `${name}: ${one.name}`),
      );
      // Pages for people without an account: the address is the access, for one agent or one conversation (docs/hosted-agents-talk.md).
      const handedOn = operations.filter(({ dialect }) => dialect === 'talk').map(({ name }) => `${name}: capability`);
      expect(handedOn.length).toBeGreaterThan(5);
      expect(found.sort()).toEqual([...documented, ...handedOn].sort());
    });

    it('and no log line repeats one', async () => {
      const tickets = flotilla.app.get(TicketsService);
      const who = await flotilla.app.get(Authenticator).authenticate({ kind: 'bearer', value: login }, 'trinity');
      if (!who) throw new Error('not signed in');
      const ticket = tickets.issue(who).reveal();
      const capability = flotilla.app.get(LinkAddresses).agentUrl(randomUUID()).split('/').at(-1) ?? '';
      for (const path of [
        `/api/auth/validate?token=${login}`,
        `/api/no/such/route?token=${login}`,
        `/api/%zz?token=${login}`,
        `/api/agents/${login}`,
        `/?token=${login}`,
        `/ws?token=${login}`,
        `/ws?ticket=${ticket}`,
        ...['a', 's'].flatMap((kind) => [
          `/${kind}/${capability}`,
          `/~talk/${kind}/${capability}/state?x=${capability}`,
        ]),
      ]) {
        await wire.send({ method: 'GET', path });
      }
      for (const path of [`/ws?token=${login}`, `/ws?ticket=${ticket}`, `/ws?token=${login}x`]) {
        const socket = flotilla.socket(path);
        socket.socket.once('open', () => socket.send({ type: 'ping' }));
        await socket.waitFor((one) => one.messages.length > 0 || one.closed);
        socket.close();
      }
      // A failure of ours is logged with all that is known of it.
      jest.spyOn(flotilla.app.get(AgentDirectory), 'get').mockRejectedValueOnce(new Error('broken inside'));
      expect((await flotilla.request('GET', '/api/agents/any?token=x', { token: login })).status).toBe(500);
      const log = lines.join('');
      expect(log).toContain('broken inside');
      for (const secret of [login, login.split('.')[2] ?? '', ticket, capability, adminPassword])
        expect(log).not.toContain(secret);
    });

    it('tickets count once', async () => {
      const { body } = await flotilla.request('POST', '/api/ws/ticket', { token: login });
      const path = `/ws?ticket=${(body as { ticket: string }).ticket}`;
      const first = flotilla.socket(path);
      first.socket.once('open', () => first.send({ type: 'ping' }));
      await first.waitFor((one) => one.messages.length > 0);
      const second = flotilla.socket(path);
      expect(await second.waitFor((one) => one.closed)).toMatchObject({ code: 4001 });
      first.close();
    });
  });

  describe('S43: a failure of ours', () => {
    it('says nothing about the inside, and can be found in the log by its request id', async () => {
      const secret = 'select * from users where password = /root/x.ts:12';
      jest.spyOn(flotilla.app.get(AgentDirectory), 'get').mockRejectedValueOnce(new Error(secret));
      const answer = await flotilla.request('GET', '/api/agents/any', {
        token: login,
        headers: { 'x-request-id': 'find-me-1' },
      });
      expect(answer.status).toBe(500);
      expect(answer.headers.get('x-request-id')).toBe('find-me-1');
      expect(JSON.stringify(answer.body)).not.toMatch(/select|password|root|\.ts/);
      expect(lines.some((line) => line.includes('find-me-1') && line.includes('select'))).toBe(true);
    });
  });

  describe('S7: guessing', () => {
    const guess = (username: string, headers: Record<string, string> = {}) =>
      flotilla.request('POST', '/token', { form: { username, password: 'wrong' }, headers });

    it('set-up works once only', async () => {
      const json = { password: 'something-else', confirm_password: 'something-else' };
      expect((await flotilla.request('POST', '/api/setup/admin-password', { json })).status).toBe(403);
      expect(
        (await flotilla.request('POST', '/token', { form: { username: 'admin', ...{ password: json.password } } }))
          .status,
      ).toBe(401);
      expect(await flotilla.login()).not.toBe('');
    });

    it('no usual password opens the door', async () => {
      for (const password of ['admin', 'password', '']) {
        expect((await flotilla.request('POST', '/token', { form: { username: 'admin', password } })).status).not.toBe(
          200,
        );
      }
      expect(await flotilla.login()).not.toBe('');
    });

    it('of an account ends after five failures; nobody and somebody are told the same', async () => {
      const known = await Promise.all(
        ['admin', 'ghost'].map(async (name) => {
          const answers: string[] = [];
          for (let i = 0; i < 6; i++) {
            const { status, body } = await guess(name, { 'x-forwarded-for': `10.0.0.${i}` });
            answers.push(`${status} ${JSON.stringify(body)}`);
          }
          return answers;
        }),
      );
      expect(known[0]).toEqual(known[1]);
      expect(known[0]?.map((one) => one.slice(0, 3))).toEqual(['401', '401', '401', '401', '401', '429']);
      // The right password does not help now, and the answer says when to come back.
      const form = { username: 'admin', password: adminPassword };
      const { status, headers } = await flotilla.request('POST', '/token', { form });
      expect(status).toBe(429);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(60);
    });

    it('takes a hash for nobody and for somebody without a password as well, so that time tells nothing', async () => {
      const burned = jest.spyOn(Passwords.prototype, 'matches');
      const stored = async (name: string): Promise<string> => {
        burned.mockClear();
        expect((await guess(name)).status).toBe(401);
        expect(burned).toHaveBeenCalledTimes(1);
        return burned.mock.calls[0]?.[1] ?? 'none';
      };
      const db = flotilla.app.get(UnitOfWork);
      for (const [username, passwordHash] of [
        ['timed', await flotilla.app.get(Passwords).hash(new Secret('a good one'))],
        ['timed-without', null],
      ] as const) {
        const wanted = { username, email: null, passwordHash, role: 'user' } as const;
        await db.run((tx) => flotilla.app.get(UsersService).create(tx, wanted));
      }
      expect(await stored('timed')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
      expect([await stored('timed-without'), await stored('timed-nobody')]).toEqual(['none', 'none']);
      burned.mockRestore();
      // What is asked of the library then is the same work: argon2id of the same cost, measured in processor time of this process.
      const passwords = flotilla.app.get(Passwords);
      const hash = await passwords.hash(new Secret('a good one'));
      const cost = async (against: string | null): Promise<number> => {
        const times: number[] = [];
        for (let round = 0; round < 5; round++) {
          const before = process.cpuUsage();
          expect(await passwords.matches(new Secret('wrong'), against)).toBe(false);
          times.push(process.cpuUsage(before).user);
        }
        return Math.min(...times);
      };
      const [somebody, nobody] = [await cost(hash), await cost(null)];
      // Without a hash it takes a thousandth; other work of the process only adds.
      expect(nobody).toBeGreaterThan(somebody / 4);
      expect(somebody).toBeGreaterThan(nobody / 4);
    });

    it('from an address ends after thirty failures, whatever it says about itself', async () => {
      const status = await until('the address is refused', async () => {
        const headers = {
          'x-forwarded-for': `10.1.${Math.random()}`,
          'x-real-ip': '10.2.3.4',
          forwarded: 'for=10.9.9.9',
        };
        const answer = await guess(`ghost-${Math.random()}`, headers);
        return answer.status === 429 && answer.status;
      });
      expect(status).toBe(429);
      const [row] = await flotilla.app
        .get(UnitOfWork)
        .query<{ most: number }>('select max(count) as most from login_failures', []);
      expect(row?.most).toBe(30);
    });

    it('a new password ends every login', async () => {
      const { app } = flotilla;
      const db = app.get(UnitOfWork);
      const admin = await db.of(User).findOneByOrFail({ username: 'admin' });
      const before = app.get(LoginTokens).issue(admin).accessToken.reveal();
      expect(await me(before)).toBe(200);
      const hash = await app.get(Passwords).hash(new Secret('a brand new one'));
      await db.run((tx) => app.get(UsersService).setPasswordHash(tx, admin.id, hash));
      expect(await me(before)).toBe(401);
      expect(await me(login)).toBe(401);
    });
  });
});
