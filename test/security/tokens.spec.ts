import { createHmac, generateKeyPairSync, hkdfSync, type KeyObject, sign } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/environment.js';
import { SignedTokens } from '../../src/core/accounts/signed-tokens.js';
import { UnitOfWork } from '../../src/platform/database/unit-of-work.js';
import { boot, type Flotilla } from '../support/boot.js';
import { Wire } from './support/wire.js';

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

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
      const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
      const master = flotilla.config.masterKey.reveal();
      const ours = new SignedTokens(flotilla.config.masterKey, 'login');
      // As the product derives it, so that what is refused below is refused for what it says and not for its signature.
      const ourKey = Buffer.from(hkdfSync('sha256', master, '', 'flotilla/login/v1', 32));
      const signedWith = (header: object, more: object, key: string | Buffer, digest = 'sha256'): string => {
        const signed = `${part(header)}.${part({ ...claims, ...more })}`;
        return `${signed}.${createHmac(digest, key).update(signed).digest('base64url')}`;
      };
      const usual = { alg: 'HS256', typ: 'JWT' };
      expect(await me(signedWith(usual, {}, ourKey))).toBe(200);
      const jwk = { kty: 'oct', k: ourKey.toString('base64url') };
      const headers: Record<string, object> = {
        'kid with a path': { kid: '../../../../dev/null' },
        'kid with SQL': { kid: "x' union select 'secret' --" },
        'kid with a command': { kid: '|touch /tmp/x' },
        'jku elsewhere': { jku: 'http://127.0.0.1:1/jwks.json' },
        'x5u elsewhere': { x5u: 'http://127.0.0.1:1/cert.pem' },
        'x5c of somebody': { x5c: [pem] },
        'own key in jwk': { jwk },
        'critical extension': { crit: ['exp'] },
        'empty list of critical extensions': { crit: [] },
        'unencoded payload': { b64: false, crit: ['b64'] },
        compressed: { zip: 'DEF' },
        'another type': { typ: 'at+jwt' },
        'no type': { typ: undefined },
        'list of algorithms': { alg: ['HS256', 'none'] },
        'algorithm in lower case': { alg: 'hs256' },
        'no algorithm': { alg: undefined },
      };
      const algorithms = ['none', 'RS256', 'ES256', 'PS256', 'EdDSA', 'HS384', 'HS512'];
      const signedBy = (alg: string, key: KeyObject, more: object = {}): string => {
        const signed = `${part({ alg, typ: 'JWT', ...more })}.${body}`;
        const how = alg === 'ES256' ? ({ key, dsaEncoding: 'ieee-p1363' } as const) : key;
        return `${signed}.${sign('sha256', Buffer.from(signed), how).toString('base64url')}`;
      };
      const attacks: Record<string, string> = {
        ...Object.fromEntries(
          ['none', 'None', 'NONE', 'nOnE', ''].flatMap((alg) => [
            [`alg ${alg}, unsigned`, `${part({ alg, typ: 'JWT' })}.${body}.`],
            [`alg ${alg}, old signature`, `${part({ alg, typ: 'JWT' })}.${body}.${signature}`],
          ]),
        ),
        ...Object.fromEntries(
          Object.entries(headers).flatMap(([name, header]) => [
            [`${name}, signed by us`, signedWith({ ...usual, ...header }, {}, ourKey)],
            [`${name}, signed with nothing`, signedWith({ ...usual, ...header }, {}, '')],
          ]),
        ),
        ...Object.fromEntries(
          algorithms.flatMap((alg) => [
            [`${alg} over our signature`, signedWith({ ...usual, alg }, {}, ourKey)],
            [`${alg} over an empty key`, signedWith({ ...usual, alg }, {}, '')],
            [`${alg} over the public key`, signedWith({ ...usual, alg }, {}, pem)],
          ]),
        ),
        'HS384, signed so by us': signedWith({ ...usual, alg: 'HS384' }, {}, ourKey, 'sha384'),
        'HS512, signed so by us': signedWith({ ...usual, alg: 'HS512' }, {}, ourKey, 'sha512'),
        'HS256 that is HS512': signedWith(usual, {}, ourKey, 'sha512'),
        'a good RS256 of somebody': signedBy('RS256', pair.privateKey),
        'a good ES256 of somebody': signedBy('ES256', curve.privateKey),
        'a good RS256 with its key': signedBy('RS256', pair.privateKey, {
          jwk: pair.publicKey.export({ format: 'jwk' }),
        }),
        'RS256 that says HS256': signedBy('RS256', pair.privateKey, { alg: 'HS256' }),
        'empty key': signedWith({ alg: 'HS256' }, {}, ''),
        'short key': signedWith({ alg: 'HS256' }, {}, 'a'),
        'public key as secret': signedWith({ alg: 'HS256' }, {}, pem),
        'the master key itself': signedWith({ alg: 'HS256' }, {}, master),
        'the master key as bytes': signedWith({ alg: 'HS256' }, {}, Buffer.from(master, 'hex')),
        'our ticket key': new SignedTokens(flotilla.config.masterKey, 'ticket').sign(claims as never),
        'expired just now': ours.sign({ ...claims, exp: now } as never),
        'not valid yet': ours.sign({ ...claims, iat: now + 3600 } as never),
        'not valid yet, by nbf': ours.sign({ ...claims, nbf: now + 3600 } as never),
        'nbf as text': ours.sign({ ...claims, nbf: 'now' } as never),
        'for another audience': ours.sign({ ...claims, aud: 'https://elsewhere.example' } as never),
        'for several audiences': ours.sign({ ...claims, aud: ['flotilla', 'elsewhere'] } as never),
        'of another issuer': ours.sign({ ...claims, iss: 'https://elsewhere.example' } as never),
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

  it.each(['0'.repeat(64), 'ab'.repeat(32), '0123456789abcdef'.repeat(4), 'A'.repeat(43)])(
    'S5: a master key of the right length that can be guessed is refused, and not repeated: %j',
    (key) => {
      const load = (name: string) => (): unknown => loadConfig({ [name]: key, FLOTILLA_DATA_DIR: flotilla.dataDir });
      for (const name of ['FLOTILLA_MASTER_KEY', 'FLOTILLA_NEW_MASTER_KEY']) {
        expect(load(name)).toThrow(`${name} can be guessed`);
        expect(load(name)).not.toThrow(key);
      }
    },
  );

  describe('S6: comparing', () => {
    it('a signature and a capability go through the comparison that takes the same time for all', async () => {
      const real = jest.requireActual<typeof import('node:crypto')>('node:crypto');
      const compared = jest.spyOn(real, 'timingSafeEqual');
      expect(await me(login)).toBe(200);
      const [head, body, signature = ''] = login.split('.');
      const other = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
      compared.mockClear();
      expect(await me(`${head}.${body}.${other}`)).toBe(401);
      expect(compared).toHaveBeenCalled();
      compared.mockClear();
      await flotilla.request('GET', `/s/${'A'.repeat(48)}/state`);
      expect(compared).toHaveBeenCalled();
      compared.mockRestore();
    });

    it('whoever makes a proof to compare it imports that comparison', () => {
      const root = join(__dirname, '../../src');
      const makers = readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
        .map((name) => ({ name, source: readFileSync(join(root, name), 'utf8') }))
        .filter(({ source }) => /\bcreateHmac\b/.test(source));
      expect(makers.length).toBeGreaterThan(2);
      // These make keys and passwords, and what tells at the start whether the master key is the old one: nobody sends one.
      const compareNothing = [
        'core/accounts/agent-keys.service.ts',
        'core/runtimes/launch-planner.service.ts',
        'platform/database/master-key-check.ts',
      ];
      const others = makers.filter(({ source }) => !source.includes('timingSafeEqual')).map(({ name }) => name);
      expect(others.sort()).toEqual(compareNothing);
    });

    // What is stored of a key is its SHA-256, and it is looked up by that: nobody can choose its leading bytes.
    it('keys are looked up by their digest, never by what was sent', async () => {
      const asked = jest.spyOn(flotilla.app.get(UnitOfWork), 'lookUp');
      const key = `trinity_mcp_${'k'.repeat(43)}`;
      expect(await me(key)).toBe(401);
      expect(JSON.stringify(asked.mock.calls)).not.toContain(key.slice(12));
      asked.mockRestore();
    });
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
