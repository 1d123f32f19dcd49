import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ConfigError } from './config-error.js';
import { loadConfig } from './environment.js';

describe('loadConfig', () => {
  let dataDir: string;
  beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'flotilla-config-'))));
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  const load = (env: NodeJS.ProcessEnv = {}) => loadConfig({ FLOTILLA_DATA_DIR: dataDir, ...env });
  const problems = (env: NodeJS.ProcessEnv): readonly string[] => {
    try {
      load(env);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
    return [];
  };

  it('has a default for everything', () => {
    const { masterKey, credentialKey, ...config } = load();
    expect(config).toEqual({
      host: '127.0.0.1',
      port: 8000,
      publicUrl: 'http://127.0.0.1:8000',
      dataDir,
      adminPassword: null,
      firstPassword: 'generate',
      databaseUrl: null,
      dockerHost: 'unix:///var/run/docker.sock',
      dockerCertPath: null,
      engine: 'docker',
      allowLocalEngine: false,
      defaultRuntime: null,
      defaultModel: null,
      providers: {},
      idleMinutes: 10,
      emailSignIn: true,
      smtpUrl: null,
      mailFrom: 'flotilla@127.0.0.1',
      corsOrigins: [],
      embedOrigins: [],
      refusedUploads: null,
      logLevel: 'info',
      sshGateway: { host: '127.0.0.1', port: 2222, publicHost: '127.0.0.1', forwarding: false },
      github: { token: null, url: 'https://github.com' },
      templatesDir: null,
      templateRepositories: [],
      trinity: {
        sshAccess: true,
        sshAdminOnly: false,
        uniform404: false,
        wsAnonymous: false,
        baseImages: [],
        createMinRole: 'user',
      },
      hostedagents: { rateLimit: 300, maxRunning: 10, models: null },
    });
    expect(masterKey.reveal()).toMatch(/^[0-9a-f]{64}$/);
    expect(credentialKey?.reveal()).toMatch(/^[0-9a-f]{64}$/);
  });

  it('derives the key of credential bundles, takes another one, or none', () => {
    const key = (env: NodeJS.ProcessEnv = {}): string | undefined => load(env).credentialKey?.reveal();
    expect(key()).toBe(key());
    expect(key()).not.toBe(load().masterKey.reveal());
    expect(key({ FLOTILLA_MASTER_KEY: '7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed' })).not.toBe(
      key(),
    );
    expect(key({ CREDENTIAL_ENCRYPTION_KEY: 'AB'.repeat(32) })).toBe('ab'.repeat(32));
    expect(key({ CREDENTIAL_ENCRYPTION_KEY: 'none' })).toBeUndefined();
    expect(problems({ CREDENTIAL_ENCRYPTION_KEY: 'f00' })).toEqual([expect.stringContaining('64 hex digits')]);
  });

  it('takes an empty variable for an unset one', () => {
    const config = load({ FLOTILLA_PORT: '', FLOTILLA_ADMIN_PASSWORD: ' ', OPENAI_API_KEY: '', DATABASE_URL: '' });
    expect([config.port, config.adminPassword, config.databaseUrl, config.providers]).toEqual([8000, null, null, {}]);
  });

  it('reads providers that have a key, a token or a base URL', () => {
    const { providers } = load({
      CLAUDE_CODE_OAUTH_TOKEN: 'token-1',
      OPENAI_BASE_URL: 'http://127.0.0.1:9000/v1/',
    });
    expect(Object.keys(providers)).toEqual(['anthropic', 'openai']);
    expect(providers.anthropic?.oauthToken?.reveal()).toBe('token-1');
    expect(providers.openai).toEqual({ apiKey: null, oauthToken: null, baseUrl: 'http://127.0.0.1:9000/v1' });
  });

  it.each([
    [{ FLOTILLA_PORT: '80a' }, 'FLOTILLA_PORT must be a whole number from 0 to 65535.'],
    [{ FLOTILLA_SSH_PORT: '65536' }, 'FLOTILLA_SSH_PORT must be a whole number from 0 to 65535, or off.'],
    [{ FLOTILLA_SSH_HOST: 'a host' }, 'FLOTILLA_SSH_HOST must be an address such as 127.0.0.1.'],
    [{ FLOTILLA_PORT: '65536' }, 'FLOTILLA_PORT must be a whole number from 0 to 65535.'],
    [{ FLOTILLA_ENGINE: 'podman' }, 'FLOTILLA_ENGINE must be docker or local.'],
    [{ FLOTILLA_LOG_LEVEL: 'loud' }, 'FLOTILLA_LOG_LEVEL must be debug, info, warn, error or silent.'],
    [
      { FLOTILLA_TEMPLATE_REPOSITORIES: 'a/b,c' },
      'FLOTILLA_TEMPLATE_REPOSITORIES must be a list of at most 50 owner/name, separated by commas.',
    ],
    [{ FLOTILLA_ADMIN_PASSWORD: 'short' }, 'FLOTILLA_ADMIN_PASSWORD must have at least 8 characters.'],
    [{ FLOTILLA_HOST: '0.0.0.0' }, 'FLOTILLA_HOST is not a loopback address, so FLOTILLA_ADMIN_PASSWORD must be set.'],
    [{ ANTHROPIC_BASE_URL: 'not a url' }, 'ANTHROPIC_BASE_URL must be a URL such as https://example.com.'],
    [{ SMTP_URL: 'mail.example.com:25' }, 'SMTP_URL must be a URL such as smtp://user:password@mail.example.com:587.'],
    [{ SMTP_FROM: 'Flotilla' }, 'SMTP_FROM must be an e-mail address such as flotilla@example.com.'],
    [{ TRINITY_UNIFORM_404: 'maybe' }, 'TRINITY_UNIFORM_404 must be true or false.'],
    [{ TRINITY_CREATE_MIN_ROLE: 'root' }, 'TRINITY_CREATE_MIN_ROLE must be user, operator, creator or admin.'],
  ])('refuses %j with one sentence', (env, sentence) => {
    expect(problems(env)).toEqual([sentence]);
  });

  it('refuses the local engine on a network unless it is allowed', () => {
    const env = { FLOTILLA_HOST: '::', FLOTILLA_ADMIN_PASSWORD: 'long enough', FLOTILLA_ENGINE: 'local' };
    expect(problems(env)).toEqual([expect.stringContaining('FLOTILLA_ALLOW_LOCAL_ENGINE=true')]);
    expect(problems({ FLOTILLA_ENGINE: 'local', FLOTILLA_SSH_HOST: '::' })).toEqual([
      expect.stringContaining('FLOTILLA_SSH_HOST is not a loopback address'),
    ]);
    expect(load({ ...env, FLOTILLA_ALLOW_LOCAL_ENGINE: 'true' }).publicUrl).toBe('http://localhost:8000');
  });

  it('tells people where the SSH gateway is: SSH_HOST, else the public URL, else its own address', () => {
    const hostOf = (env: NodeJS.ProcessEnv) => load(env).sshGateway.publicHost;
    const url = { FLOTILLA_PUBLIC_URL: 'https://fleet.example.com:8443/x' };
    expect(hostOf({ ...url, SSH_HOST: 'ssh.example.com' })).toBe('ssh.example.com');
    expect(hostOf(url)).toBe('fleet.example.com');
    expect(hostOf({ FLOTILLA_SSH_HOST: '127.0.0.2' })).toBe('127.0.0.2');
    expect(hostOf({ FLOTILLA_SSH_HOST: '0.0.0.0' })).not.toBe('0.0.0.0');
    expect(load({ FLOTILLA_SSH_PORT: 'off' }).sshGateway.port).toBeNull();
  });

  it('reports all mistakes at once and repeats no rejected value', () => {
    const secrets = ['s3cr3t', 'hunter2', 'deadbeef', 'pa55'];
    const found = problems({
      FLOTILLA_HOST: '10.0.0.1',
      FLOTILLA_ADMIN_PASSWORD: secrets[0],
      DATABASE_URL: `mysql://me:${secrets[1]}@db/x`,
      FLOTILLA_MASTER_KEY: secrets[2],
      OPENAI_BASE_URL: `ftp://me:${secrets[3]}@host`,
      FLOTILLA_CORS_ORIGINS: '*',
    });
    expect(found).toHaveLength(5);
    for (const secret of secrets) expect(found.join()).not.toContain(secret);
  });

  it('prints no secret', () => {
    const config = load({ FLOTILLA_ADMIN_PASSWORD: 'canary-password', ANTHROPIC_API_KEY: 'canary-key' });
    expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toContain('canary');
  });

  it('makes a master key once, readable by its owner only', () => {
    const first = load().masterKey.reveal();
    const file = join(dataDir, 'master.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(load().masterKey.reveal()).toBe(first);
    expect(readFileSync(file, 'utf8').trim()).toBe(first);
  });

  it.each(['', 'abc', 'g'.repeat(64), 'a'.repeat(63)])('refuses a master key file that holds %j', (content) => {
    writeFileSync(join(dataDir, 'master.key'), content);
    expect(problems({})).toEqual([expect.stringContaining('does not hold a master key')]);
    if (content) expect(problems({}).join()).not.toContain(content);
  });

  it('takes a master key as hex or base64', () => {
    const bytes = Buffer.from('1f0b4d2a87c3e9965ab47d10fe638c20bb59e1743ad8062fcd94705e8b16a3f2', 'hex');
    for (const text of [bytes.toString('hex').toUpperCase(), bytes.toString('base64'), bytes.toString('base64url')]) {
      expect(load({ FLOTILLA_MASTER_KEY: text }).masterKey.reveal()).toBe(bytes.toString('hex'));
    }
  });

  it('says when the data folder cannot be used', () => {
    const file = join(dataDir, 'file');
    writeFileSync(file, '');
    chmodSync(file, 0o600);
    expect(problems({ FLOTILLA_DATA_DIR: join(file, 'inside') })).toEqual([expect.stringContaining('cannot be used')]);
  });
});
