import { rmSync } from 'node:fs';
import { builtInRuntimes } from '../../src/adapters/runtimes/registry.js';
import { LocalEngine } from '../../src/adapters/local/local.engine.js';
import type { Role } from '../../src/core/access/principal.js';
import { ApiKeysService } from '../../src/core/accounts/api-keys.service.js';
import { Passwords } from '../../src/core/accounts/passwords.js';
import { UsersService } from '../../src/core/accounts/users.service.js';
import { Secret } from '../../src/core/credentials/secret.js';
import { ContainerEngine } from '../../src/core/instances/engine.port.js';
import { Instance } from '../../src/core/instances/instance.entity.js';
import { UnitOfWork } from '../../src/platform/database/unit-of-work.js';
import { boot, type BootOptions } from './boot.js';
import { scriptedPrograms, scriptedRuntime } from './scripted-adapter.js';
import type { SocketClient } from './socket-client.js';
import { type Answer, TrinityClient } from './trinity-client.js';
import { until } from './until.js';

export interface GivenUser {
  readonly email?: string | null;
  readonly role?: Role;
  /** Signed in with a password, where other APIs than trinity are called too; otherwise by a key, which is quicker. */
  readonly signedIn?: boolean;
}

/**
 * A server with the local engine whose default runtime is the scripted one: agents are real processes, no model is asked
 * and nothing is installed. `runtimes` in options are added to it. Close it in any case.
 */
export async function bootFleet({ runtimes = [], env, ...options }: BootOptions = {}) {
  const flotilla = await boot({
    engine: (config, installId) => new LocalEngine({ config, installId, extraRuntimes: scriptedPrograms }),
    ...options,
    runtimes: [scriptedRuntime, ...runtimes, ...builtInRuntimes],
    // A provider that no scripted turn calls: without one the demo model would be started for every test.
    env: {
      FLOTILLA_DEFAULT_RUNTIME: scriptedRuntime.name,
      OPENAI_API_KEY: 'sk-never-called',
      // Generated calls and fast polling are many.
      HOSTEDAGENTS_RATE_LIMIT: '0',
      ...env,
    },
  });
  const engine = flotilla.app.get(ContainerEngine);
  const db = flotilla.app.get(UnitOfWork);
  const admin = await new TrinityClient(flotilla.url).signIn('admin', flotilla.config.adminPassword?.reveal() ?? '');

  const fleet = {
    ...flotilla,
    engine,
    db,
    /** The administrator, signed in. */
    admin,

    /** A new user with a key of theirs, or signed in. */
    async givenUser(username: string, given: GivenUser = {}): Promise<TrinityClient> {
      const { email = null, role = 'user', signedIn = false } = given;
      if (signedIn) {
        const password = `password-of-${username}`;
        const passwordHash = await flotilla.app.get(Passwords).hash(new Secret(password));
        await db.run((tx) => flotilla.app.get(UsersService).create(tx, { username, email, passwordHash, role }));
        return admin.signIn(username, password);
      }
      const key = await db.run(async (tx) => {
        const wanted = { username, email, passwordHash: null, role };
        const { id, personalOrgId } = await flotilla.app.get(UsersService).create(tx, wanted);
        const holder = { userId: id, orgId: personalOrgId, agentId: null };
        return flotilla.app.get(ApiKeysService).issue(tx, holder, { dialect: 'trinity', label: 'test' });
      });
      return admin.as(key.value.reveal());
    },

    /** Calls the Hosted Agents API with a token that somebody signed in has made. */
    async hosted(as: TrinityClient = admin): Promise<TrinityClient> {
      const { status, body } = await as.post('/api/v1/tokens', { label: 'test' });
      if (status !== 201) throw new Error(`making a token answered ${status} ${JSON.stringify(body)}`);
      return admin.as(String(body['token']));
    },

    /** A running agent; answers what creating it answered. */
    async givenAgent(name: string, fields: object = {}, as: TrinityClient = admin): Promise<Answer['body']> {
      const { status, body } = await as.post('/api/agents', { name, ...fields });
      if (status !== 200) throw new Error(`creating ${name} answered ${status} ${JSON.stringify(body)}`);
      return body;
    },

    /** One message and its answer; steps such as `<<write a.txt hi>>` are done by the scripted runtime. */
    chat(name: string, message: string, as: TrinityClient = admin): Promise<Answer> {
      return as.post(`/api/agents/${name}/chat`, { message });
    },

    /** The stored instance of an agent. */
    async instanceOf(name: string): Promise<Instance> {
      const [row] = await db.query<{ id: string }>(
        'select i.id from instances i join agents a on a.id = i.agent_id where a.slug = $1',
        [name],
      );
      const instance = row && (await db.of(Instance).findOneBy({ id: row.id }));
      if (!instance) throw new Error(`${name} has no instance`);
      return instance;
    },

    /** Waits until an agent shows a status (`running`, `stopped`), and answers its detail. */
    untilStatus(name: string, status: string, as: TrinityClient = admin): Promise<Answer['body']> {
      return until(`${name} is ${status}`, async () => {
        const { body } = await as.get(`/api/agents/${name}`);
        return body['status'] === status && body;
      });
    },

    /** A signed-in socket on `/ws`, open. `query` is added to its address. */
    async events(as: TrinityClient = admin, query = ''): Promise<SocketClient> {
      const socket = flotilla.socket(`/ws?token=${as.token ?? ''}${query && `&${query}`}`);
      socket.socket.once('open', () => socket.send({ type: 'ping' }));
      await socket.event((event) => event['type'] === 'pong');
      return socket;
    },

    /** Ends every agent and the server. `keep` leaves both agents and data folder for another boot with its `dataDir`. */
    async close({ keep = false }: { readonly keep?: boolean } = {}): Promise<void> {
      await flotilla.close({ keep: true });
      if (keep) return;
      // The engine object still works after its shutdown: nobody restarts what is ended now.
      for (const { instanceId } of await engine.list()) await engine.remove(instanceId, { volumes: true });
      rmSync(flotilla.dataDir, { recursive: true, force: true });
    },
  };
  return fleet;
}

export type Fleet = Awaited<ReturnType<typeof bootFleet>>;
