import { randomUUID } from 'node:crypto';
import { Client } from 'ssh2';
import { SshCredential } from '../../src/core/ssh/ssh-credential.entity.js';
import { SshEndpoint } from '../../src/core/ssh/ssh-endpoint.js';
import { newKeyPair } from '../../src/core/ssh/ssh-key.rules.js';
import { SocketRoutes } from '../../src/platform/http/socket-routes.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import type { SocketClient } from '../support/socket-client.js';
import { until } from '../support/until.js';
import { expectedAtDoor, opens, socketRows, sshOpens } from './expected/doors.js';
import { isAboutOne, type Role, roles, type Row, type Target, targets } from './expected/words.js';
import { addressOf, assembleCast, type Cast } from './support/cast.js';
import { newThing, place, remove, type Thing } from './support/things.js';

const things: Readonly<Record<Target, Thing>> = {
  own: newThing('door-own'),
  foreign: newThing('door-foreign'),
  unknown: newThing('door-unknown'),
  deleted: newThing('door-deleted'),
};
/** Belongs to somebody who is suspended. */
const orphan = newThing('door-orphan');

/** What each kind of socket says with the number it closes with. */
const said: Readonly<Record<string, (code: number) => number>> = {
  '/ws': (code) => (code === 4001 ? 401 : code),
  '/ws/events': (code) => (code === 4001 ? 401 : code),
  '/api/agents/{name}/terminal': (code) => ({ 4001: 401, 4003: 403, 4004: 404 })[code] ?? code,
};

/** As a document would print it. */
const pathOf = ({ source }: RegExp): string =>
  source
    .replace(/^\^|\$$/g, '')
    .replace(/\\\//g, '/')
    .replace(/\(\?<(\w+)>[^)]*\)/g, '{$1}');

describe('S10: doors that no document names', () => {
  let fleet: Fleet;
  let cast: Cast;
  beforeAll(async () => {
    fleet = await bootFleet({ env: { FLOTILLA_SSH_PORT: '0' } });
    cast = await assembleCast(fleet, things.own.agentId);
    await place(fleet.db, things.own, cast.user('owner'), addressOf('shared'));
    await place(fleet.db, things.foreign, cast.user('outsider'), addressOf('friend'));
    await place(fleet.db, orphan, cast.user('suspended'), null);
    await place(fleet.db, things.deleted, cast.user('owner'), addressOf('shared'));
    await remove(fleet.db, things.deleted);
    // They run, so that nothing but the caller keeps a door shut.
    for (const { slug } of [things.own, things.foreign, orphan]) {
      expect((await fleet.admin.post(`/api/agents/${slug}/start`)).status).toBe(200);
    }
  }, 180_000);
  afterAll(() => fleet.close());

  /** Knocks, and waits for what happens: the status that stands for it. What is shown to those who stay outside is checked too. */
  async function knock(path: string, role: Role, target: Target): Promise<number> {
    const token = cast.tokenOf(role);
    const inAddress = path.startsWith('/ws');
    const where = path.replace('{name}', things[target].slug);
    const query = inAddress ? (token === undefined ? '' : `?token=${token}`) : '?mode=bash';
    const socket = fleet.socket(where + query);
    socket.socket.once('open', () => socket.send(inAddress ? { type: 'ping' } : { type: 'auth', token: token ?? '' }));
    const status = await socket.waitFor(
      (one) => (one.closed ? (said[path]?.(one.closed.code) ?? 0) : (one.refused?.status ?? (isIn(one) && opens))),
      60_000,
    );
    if (status !== opens) {
      const shown = socket.messages.filter((text) => !/^\{"type":"(?:auth_success|error)"/.test(text));
      if (shown.length > 0) throw new Error(`${role} was shown ${shown.join()}`);
    }
    socket.close();
    return status;
  }
  /** Something came that is for those inside: a pong, a welcome, or a byte of a shell. */
  const isIn = (socket: SocketClient): boolean =>
    socket.messages.some((text) => !/^\{"type":"(?:auth_success|error)"/.test(text));

  it('every kind of socket has a row, and every row a kind', () => {
    const registered = fleet.app
      .get(SocketRoutes)
      .all()
      .map(({ path }) => pathOf(path));
    expect(registered.sort()).toEqual(Object.keys(socketRows).sort());
  });

  it.each(Object.entries(socketRows))(
    '%s opens for those it is meant for, running agents or not',
    async (path, row: Row) => {
      const wrong: string[] = [];
      let opened = 0;
      for (const target of isAboutOne(row) ? targets : (['own'] as const)) {
        for (const role of roles) {
          const expected = expectedAtDoor(row, role, target);
          // A socket that hears events tells a key that may not from one that is not known in a log only.
          const wanted = expected === 403 && path.startsWith('/ws') ? 401 : expected;
          const status = await knock(path, role, target);
          if (status === opens) opened += 1;
          if (status !== wanted) wrong.push(`${role} on ${target}: ${status}, not ${wanted}`);
        }
      }
      expect(wrong).toEqual([]);
      expect(opened).toBeGreaterThan(1);
      await until('no shell is left', async () => (await fleet.db.query('select id from shells')).length === 0, 30_000);
    },
    180_000,
  );

  describe('SSH', () => {
    let guests = 0;
    /** Each comes from an address of its own: one that keeps failing would have to wait. */
    const enter = (username: string, privateKey: string | null): Promise<'in' | 'refused'> =>
      new Promise((resolve, reject) => {
        const client = new Client();
        guests += 1;
        client.once('ready', () => {
          client.end();
          resolve('in');
        });
        client.once('error', (error: Error & { level?: string }) =>
          error.level === 'client-authentication' ? resolve('refused') : reject(error),
        );
        client.connect({
          host: '127.0.0.1',
          port: fleet.app.get(SshEndpoint).port,
          localAddress: `127.0.7.${guests}`,
          username,
          readyTimeout: 60_000,
          ...(privateKey === null ? { password: 'flotilla' } : { privateKey }),
        });
      });

    /** A key of somebody for an agent, as if it had been granted when they still might. */
    async function keyFor(agentId: string, userId: string, hours = 1): Promise<string> {
      const { privateKey, publicKey } = newKeyPair('matrix');
      const [keyType = '', blob = ''] = publicKey.split(' ');
      await fleet.db.of(SshCredential).insert({
        ...{ id: randomUUID(), agentId, userId, keyType, publicKey: blob, fingerprint: `SHA256:${randomUUID()}` },
        ...{ createdAt: new Date(), expiresAt: new Date(Date.now() + hours * 3_600_000) },
      });
      return privateKey;
    }

    it.each(Object.entries(sshOpens))("%s's keys open %j and nothing else", async (name, opened) => {
      const { id } = cast.user(name as Parameters<Cast['user']>[0]);
      const entered: Target[] = [];
      for (const target of ['own', 'foreign'] as const) {
        const key = await keyFor(things[target].agentId, id);
        if ((await enter(things[target].slug, key)) === 'in') entered.push(target);
        // It is for that agent and no other, whoever has it.
        for (const other of targets.filter((one) => one !== target)) {
          expect({ other, got: await enter(things[other].slug, key) }).toEqual({ other, got: 'refused' });
        }
      }
      expect(entered).toEqual(opened);
    });

    it('nobody comes in without a key, with one of nobody, with one that has run out, or with a suspended account', async () => {
      const owner = cast.user('owner').id;
      const { slug, agentId } = things.own;
      expect(await enter(slug, null)).toBe('refused');
      expect(await enter(slug, newKeyPair('made up').privateKey)).toBe('refused');
      expect(await enter(slug, await keyFor(agentId, owner, -1))).toBe('refused');
      expect(await enter(slug, await keyFor(agentId, randomUUID()))).toBe('refused');
      expect(await enter(orphan.slug, await keyFor(orphan.agentId, cast.user('suspended').id))).toBe('refused');
      // And all of it was not for another reason.
      expect(await enter(slug, await keyFor(agentId, owner))).toBe('in');
    });
  });
});
