import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { requestHandler } from '../../../src/demo-model/server.js';
import { ChildServer } from '../../chaos/child-server.js';
import { makeDataDir } from '../../support/database.js';
import { gitHost } from '../../support/git-host.js';
import { SocketClient } from '../../support/socket-client.js';
import { type Answer, TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';
import { type Canary, hatch, Search, withoutAddresses } from './canary.js';
import { hostedAgent } from './canary-hosted.js';
import { secrets } from './canary-secrets.js';

/** A model server of ours on loopback, asked through a base URL that carries a password. */
async function modelServer() {
  const sent: string[] = [];
  const answer = requestHandler({ targets: {}, log: () => undefined, control: null });
  const server = createServer((request, response) => {
    sent.push(request.headers.authorization ?? '');
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { port, sent, close: () => server.close() };
}

/** A whole server as a process with a secret of every kind, everything it says recorded. */
export async function canaryRun(env: Readonly<Record<string, string>>) {
  const planted = {
    firstPassword: hatch('first admin password'),
    password: hatch('admin password'),
    openai: hatch('OpenAI key'),
    anthropic: hatch('Anthropic key'),
    oauth: hatch('Claude token'),
    google: hatch('Gemini key'),
    baseUrl: hatch('password in a base URL'),
    smtp: hatch('SMTP password'),
    wrongPassword: hatch('mistyped password'),
    github: hatch('GitHub token'),
    asName: hatch('password typed as a name'),
    rejected: hatch('rejected value'),
    organisation: hatch('organisation secret'),
    scope: hatch('scope secret'),
    hidden: hatch('hidden instructions'),
  };
  const model = await modelServer();
  const git = await gitHost(planted.github.value);
  git.commit('private/app', { 'a.txt': 'cloned' });
  const dataDir = await makeDataDir();
  const settings = {
    FLOTILLA_LOG_LEVEL: 'debug',
    FLOTILLA_SSH_PORT: '0',
    OPENAI_API_KEY: planted.openai.value,
    OPENAI_BASE_URL: `http://user:${planted.baseUrl.value}@127.0.0.1:${model.port}/v1`,
    ANTHROPIC_API_KEY: planted.anthropic.value,
    CLAUDE_CODE_OAUTH_TOKEN: planted.oauth.value,
    GEMINI_API_KEY: planted.google.value,
    GITHUB_TOKEN: planted.github.value,
    FLOTILLA_GITHUB_URL: git.url,
    // Nobody listens there: a failed attempt says more than a good one.
    SMTP_URL: `smtp://mailer:${planted.smtp.value}@127.0.0.1:9`,
    ...env,
  };
  const canaries: Canary[] = Object.values(planted);
  const outputs: string[] = [];
  const answers: (readonly [string, string])[] = [];
  let server: ChildServer | null = null;
  let client = new TrinityClient('');

  const run = {
    dataDir,
    planted,
    model,
    /** A real runtime keeps what it printed in files of its own, in its home. */
    prints: env['FLOTILLA_ENGINE'] !== 'docker',

    /** Secrets that only came to be while it ran. */
    plant(name: string, value: string): void {
      canaries.push({ name, value });
    },

    /** Starts it, or starts it again with another administrator's password, which is then the only good one. */
    async start(password: Canary): Promise<void> {
      await run.stop();
      server = await ChildServer.on(dataDir, { ...settings, FLOTILLA_ADMIN_PASSWORD: password.value });
      server.spawn();
      const { url } = server;
      await until(
        'the server answers',
        () =>
          fetch(`${url}/health`).then(
            ({ ok }) => ok,
            () => false,
          ),
        60_000,
      );
      client = await new TrinityClient(url).signIn('admin', password.value);
      run.plant('signature of a login', client.token?.split('.')[2] ?? '');
    },

    get server(): ChildServer {
      if (!server) throw new Error('not started');
      return server;
    },

    /** One call, its answer kept for the search; those that hand out a secret say so. */
    async call(method: string, path: string, body?: object, as: TrinityClient = client): Promise<Answer> {
      const made = await send(as, method, path, body);
      const { api_key: key, ticket, token, key: bundleKey, private_key: sshKey } = made.body;
      if (typeof bundleKey === 'string') run.plant('key of credential bundles', bundleKey);
      if (typeof sshKey === 'string') run.plant('SSH key', sshKey.split('\n')[4] ?? '');
      if (typeof key === 'string') run.plant('API key', key.slice(20));
      if (typeof token === 'string') run.plant('hosted token', token.slice(12));
      if (typeof ticket === 'string') run.plant('ticket', ticket.split('.')[2] ?? '');
      const handedOut = [key, ticket, token, bundleKey, sshKey].some((one) => typeof one === 'string');
      if (!handedOut)
        answers.push([`answer of ${method} ${path}`, JSON.stringify([made.body, [...made.headers]], withoutAddresses)]);
      return made;
    },

    as: (token: string | null): TrinityClient => client.as(token),

    /** A socket that hears everything, as administrator. */
    listen(): SocketClient {
      return SocketClient.to(`${run.server.url}/ws?token=${client.token ?? ''}`);
    },

    note(place: string, text: string): void {
      answers.push([place, text]);
    },

    /** Looks everywhere on this side; the server still runs. */
    async search(documented: readonly (string | RegExp)[]): Promise<Search> {
      const masterKey = await run.masterKey();
      const search = new Search([...canaries, ...masterKey]);
      const tables = await run.server.sql<{ name: string }>(
        `select table_name as name from information_schema.tables where table_schema = 'public'`,
      );
      for (const { name } of tables) {
        run.note(`table ${name}`, JSON.stringify(await run.server.sql(`select * from "${name}"`)));
      }
      search.in('the log', [...outputs, run.server.output].join('\n'));
      for (const [place, text] of answers) search.in(place, text);
      search.inProcesses();
      search.inFiles(dataDir, documented);
      return search;
    },

    /** The key file is where the master key belongs. */
    masterKey(): Promise<Canary[]> {
      const value = readFileSync(join(dataDir, 'master.key'), 'utf8').trim();
      return Promise.resolve([{ name: 'master key', value }]);
    },

    async stop(): Promise<void> {
      if (!server) return;
      await server.stop();
      outputs.push(server.output);
      server = null;
    },

    async close(): Promise<void> {
      if (server?.running) {
        const { body } = await client.get<{ name: string }[]>('/api/agents');
        for (const { name } of body) await client.delete(`/api/agents/${name}`);
      }
      await run.stop();
      model.close();
      await git.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return run;
}

export type CanaryRun = Awaited<ReturnType<typeof canaryRun>>;

function send(client: TrinityClient, method: string, path: string, body?: object): Promise<Answer> {
  if (method === 'POST') return client.post(path, body);
  if (method === 'PUT') return client.put(path, body);
  if (method === 'PATCH') return client.patch(path, body);
  return method === 'DELETE' ? client.delete(path) : client.get(path);
}

/** What people do in a day, with mistakes. `agent` is created and left running. */
export async function workload(run: CanaryRun, agent: string, message: string): Promise<void> {
  const { planted } = run;
  const socket = run.listen();
  const made = await run.call('POST', '/api/mcp/keys', { name: 'laptop' });
  const key = String(made.body['api_key']);
  await run.call('POST', '/api/ws/ticket');
  const created = await run.call('POST', '/api/agents', {
    name: agent,
    custom_instructions: 'Be brief.',
    github_repo: 'private/app',
  });
  if (created.status !== 200) throw new Error(`creating answered ${JSON.stringify(created.body)}`);
  const base = `/api/agents/${agent}`;
  const talked = await run.call('POST', `${base}/chat`, { message }, run.as(key));
  if (talked.status !== 200) throw new Error(`chatting answered ${JSON.stringify(talked.body)}`);

  const opened = await run.call('POST', `${base}/ssh-access`, { generate_key: true });
  if (opened.status !== 200) throw new Error(`opening SSH access answered ${JSON.stringify(opened.body)}`);
  await run.call('POST', `${base}/ssh-access`, { public_key: `ssh-ed25519 ${planted.rejected.value}` });
  await run.call('GET', `/~console/agents/${agent}/ssh-credentials`);

  const form = async (fields: Record<string, string>): Promise<void> => {
    const { body } = await run.as(null).form('/token', fields);
    run.note('answer of POST /token', JSON.stringify(body));
  };
  await form({ username: 'admin', password: planted.wrongPassword.value });
  await form({ username: planted.asName.value, password: 'x' });
  await run.call('POST', '/api/agents', { name: 7, runtime_model: { secret: planted.rejected.value } });
  await run.call('PUT', '/api/users/me/email', { email: planted.rejected.value });
  await run.call('PUT', '/api/settings/ops/config', { settings: { ops_x: planted.rejected.value } });
  await run.call('POST', '/api/settings/email-whitelist', { email: `${agent}@example.com` });
  await run.call('POST', `${base}/share`, { email: `guest-of-${agent}@example.com` });
  await run.call('POST', '/api/auth/email/request', { email: `${agent}@example.com` });
  await run.call('POST', '/api/auth/email/request', { email: planted.rejected.value });
  const tried = { email: `${agent}@example.com`, code: planted.rejected.value };
  await run.call('POST', '/api/auth/email/verify', tried);
  await run.call('GET', `/api/activities/timeline?start_time=${planted.rejected.value}`);
  await run.call('GET', '/api/users/me', undefined, run.as(`${key.slice(0, -1)}x`));
  for (const path of gets(base)) await run.call('GET', path);
  for (const path of ['/~console/approvals', '/~console/questions', `/~console/agents/${agent}/settings`]) {
    await run.call('GET', path);
  }
  await secrets(run, agent);
  // In containers it would be one more to look through.
  if (run.prints) await hostedAgent(run, `hosted ${agent}`);
  await credentials(run, base);
  await run.call('POST', `${base}/stop`);
  await run.call('POST', `${base}/chat`, { message: 'nobody there' });
  const { body: started } = await run.call('POST', `${base}/start`);
  if (started['credentials_injection'] !== 'success') throw new Error(`starting answered ${JSON.stringify(started)}`);
  run.note('events', socket.messages.join('\n'));
  if (socket.messages.length < 3) throw new Error('no events were heard');
  socket.close();
}

/** Where injected credentials may be, below the home of an agent. */
export const injectedFiles = /(^|\/)home\/(\.env|\.mcp\.json|tls\.key)$/;

/** Brings credentials in, out and in again, with mistakes. The runtime that runs is not told of them before its next start. */
async function credentials(run: CanaryRun, base: string): Promise<void> {
  const [variable, file, server] = ['injected variable', 'injected key file', 'injected tool server'].map(hatch);
  for (const one of [variable, file, server]) run.plant(one?.name ?? '', one?.value ?? '');
  const tools = { mcpServers: { off: { command: 'true', disabled: true, env: { KEY: server?.value } } } };
  const files = {
    '.env': `INJECTED=${variable?.value ?? ''}\n`,
    '.mcp.json': JSON.stringify(tools),
    'tls.key': file?.value,
  };
  const at = `${base}/credentials`;
  const { rejected } = run.planted;
  await run.call('POST', `${at}/inject`, { files });
  await run.call('POST', `${at}/inject`, { files: { [rejected.value]: rejected.value } });
  await run.call('POST', `${at}/inject`, { files: { '.env': { secret: rejected.value } } });
  await run.call('POST', `${at}/import`, { bundle: rejected.value });
  const { body } = await run.call('POST', `${at}/export?download=true`);
  await run.call('POST', `${at}/import`, { bundle: body['bundle'] });
  await run.call('GET', `${at}/status`);
  await run.call('GET', '/api/credentials/encryption-key');
}

const gets = (base: string): string[] => [
  '/health',
  '/health/ready',
  '/openapi.json',
  '/docs',
  '/',
  '/api/auth/mode',
  '/api/setup/status',
  '/api/users',
  '/api/users/me',
  '/api/settings/ops/config',
  '/api/settings/nothing',
  '/api/settings/email-whitelist',
  '/api/system-agent/status',
  '/api/mcp/keys',
  '/api/agents',
  '/api/agents/unknown',
  '/api/activities/timeline?limit=1000',
  ...[
    '',
    '/info',
    '/shares',
    '/files?show_hidden=true',
    '/files/download?path=hello.txt',
    '/logs?tail=10000',
    '/stats',
    '/activity',
  ].map((rest) => base + rest),
  ...['/activities', '/chat/history', '/chat/session', '/chat/history/persistent', '/chat/sessions'].map(
    (rest) => base + rest,
  ),
];
