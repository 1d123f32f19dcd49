import { createHmac, generateKeyPairSync } from 'node:crypto';
import { loadConfig } from '../../src/config/environment.js';
import { SignedTokens } from '../../src/core/accounts/signed-tokens.js';
import { UnitOfWork } from '../../src/platform/database/unit-of-work.js';
import { boot, type Flotilla } from '../support/boot.js';
import { Wire } from './support/wire.js';

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const hs = (signed: string, key: string | Buffer): string =>
  createHmac('sha256', key).update(signed).digest('base64url');

describe('tokens and keys under attack', () => {
  let flotilla: Flotilla;
  let wire: Wire;
  let login: string;
  beforeAll(async () => {
    flotilla = await boot();
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

  describe('S5: forged tokens', () => {
    it('are refused, every one', async () => {
      const [head = '', body = '', signature = ''] = login.split('.');
      const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
      const now = Math.floor(Date.now() / 1000);
      const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
      const master = flotilla.config.masterKey.reveal();
      const ours = new SignedTokens(flotilla.config.masterKey, 'login');
      const signedWith = (header: object, more: object, key: string | Buffer): string => {
        const signed = `${part(header)}.${part({ ...claims, ...more })}`;
        return `${signed}.${hs(signed, key)}`;
      };
      const headers: Record<string, object> = {
        'kid with a path': { alg: 'HS256', typ: 'JWT', kid: '../../../../dev/null' },
        'kid with SQL': { alg: 'HS256', kid: "x' union select 'secret' --" },
        'jku elsewhere': { alg: 'HS256', jku: 'http://127.0.0.1:1/jwks.json' },
        'x5u elsewhere': { alg: 'HS256', x5u: 'http://127.0.0.1:1/cert.pem' },
        'own key in jwk': { alg: 'HS256', jwk: { kty: 'oct', k: Buffer.from('secret').toString('base64url') } },
        'critical extension': { alg: 'HS256', crit: ['exp'] },
        RS256: { alg: 'RS256', typ: 'JWT' },
        ES256: { alg: 'ES256', typ: 'JWT' },
        HS512: { alg: 'HS512', typ: 'JWT' },
      };
      const attacks: Record<string, string> = {
        ...Object.fromEntries(
          ['none', 'None', 'NONE', 'nOnE', ''].flatMap((alg) => [
            [`alg ${alg}, unsigned`, `${part({ alg, typ: 'JWT' })}.${body}.`],
            [`alg ${alg}, old signature`, `${part({ alg, typ: 'JWT' })}.${body}.${signature}`],
          ]),
        ),
        ...Object.fromEntries(
          Object.entries(headers).map(([name, header]) => [name, signedWith(header, {}, 'secret')]),
        ),
        'empty key': signedWith({ alg: 'HS256' }, {}, ''),
        'short key': signedWith({ alg: 'HS256' }, {}, 'a'),
        'public key as secret': signedWith({ alg: 'HS256' }, {}, pem),
        'the master key itself': signedWith({ alg: 'HS256' }, {}, master),
        'the master key as bytes': signedWith({ alg: 'HS256' }, {}, Buffer.from(master, 'hex')),
        'our ticket key': new SignedTokens(flotilla.config.masterKey, 'ticket').sign(claims as never),
        'our key, critical extension': (() => {
          const signed = `${part({ alg: 'HS256', crit: ['x'] })}.${body}`;
          return `${signed}.${signature}`;
        })(),
        'expired just now': ours.sign({ ...claims, exp: now } as never),
        'not valid yet': ours.sign({ ...claims, iat: now + 3600 } as never),
        'never expires': ours.sign({ ...claims, exp: undefined } as never),
        'expiry as text': ours.sign({ ...claims, exp: '9999999999' } as never),
        'no id': ours.sign({ ...claims, jti: undefined } as never),
        'id of no password': ours.sign({ ...claims, jti: `0.${'a'.repeat(36)}` } as never),
        'subject as list': ours.sign({ ...claims, sub: ['admin'] } as never),
        'unknown subject': ours.sign({ ...claims, sub: 'nobody' } as never),
        'SQL in the subject': ours.sign({ ...claims, sub: "x' or '1'='1" } as never),
        'unknown mode': ours.sign({ ...claims, mode: 'root' } as never),
        'other role, old signature': `${head}.${part({ ...claims, role: 'admin', sub: 'root' })}.${signature}`,
        'cut signature': login.slice(0, -1),
        'padded signature': `${login}=`,
        'signature in upper case': `${head}.${body}.${signature.toUpperCase()}`,
        'two signatures': `${login}.${signature}`,
        'five parts': 'a.b.c.d.e',
        'no parts': 'eyJ',
        dots: '..',
        oversized: `${head}.${part({ ...claims, filler: 'x'.repeat(6000) })}.${signature}`,
        'prototype claims': `${head}.${Buffer.from('{"__proto__":{"sub":"admin"}}').toString('base64url')}.${signature}`,
      };
      const accepted: string[] = [];
      for (const [name, token] of Object.entries(attacks)) {
        const status = await me(token);
        if (status !== 401) accepted.push(`${name}: ${status}`);
      }
      expect(accepted).toEqual([]);
      expect(await me(login)).toBe(200);
    });

    it('and headers past all measure do no harm', async () => {
      expect([401, 431]).toContain(await me('x'.repeat(8000)));
      // Cut off while it is still being sent, which a client may see as a reset.
      expect([400, 431, 'ECONNRESET', 'EPIPE']).toContain(
        await me('x'.repeat(100_000)).catch((error: unknown) => (error as NodeJS.ErrnoException).code),
      );
      expect((await flotilla.request('GET', '/api/users/me', { token: login })).status).toBe(200);
    });

    it.each(['', 'short', 'a'.repeat(31), '0'.repeat(63), 'secret'.repeat(10)])(
      'a master key of %j is refused at the start, and not repeated',
      (key) => {
        const load = (): unknown => loadConfig({ FLOTILLA_MASTER_KEY: key, FLOTILLA_DATA_DIR: flotilla.dataDir });
        if (key === '') {
          expect(load).not.toThrow(); // unset: the one in the data folder
          return;
        }
        expect(load).toThrow('FLOTILLA_MASTER_KEY must be 32 bytes');
        expect(load).not.toThrow(key);
      },
    );
  });

  describe('S6: API keys', () => {
    it('are shown once, stored as a hash, and refused from the next request on when revoked', async () => {
      const made = await flotilla.request('POST', '/api/mcp/keys', { token: login, json: { name: 'laptop' } });
      const { id, api_key: key } = made.body as { id: string; api_key: string };
      expect(await me(key)).toBe(200);
      const answers = await Promise.all(
        [`/api/mcp/keys/${id}`, '/api/mcp/keys', '/api/users/me', '/api/users'].map((path) =>
          flotilla.request('GET', path, { token: login }),
        ),
      );
      expect(JSON.stringify(answers.map(({ body }) => body as unknown))).not.toContain(key.slice(20));
      const rows = await flotilla.app.get(UnitOfWork).query('select * from api_keys', []);
      expect(JSON.stringify(rows)).not.toContain(key.slice(20));
      expect((await flotilla.request('POST', `/api/mcp/keys/${id}/revoke`, { token: login })).status).toBe(200);
      expect(await me(key)).toBe(401);
    });

    it('are compared whole', async () => {
      const made = await flotilla.request('POST', '/api/mcp/keys', { token: login, json: { name: 'whole' } });
      const { api_key: key } = made.body as { api_key: string };
      const near = [
        key.slice(0, -1),
        `${key}x`,
        key.toUpperCase(),
        key.slice(0, 20),
        `${key.slice(0, -1)}*`,
        ` ${key}x`,
      ];
      for (const one of near) expect(await me(one)).toBe(401);
      expect((await flotilla.request('GET', '/~console/approvals', { token: key })).status).toBe(401);
    });
  });
});
