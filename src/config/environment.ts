import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { Secret } from '../core/credentials/secret.js';
import type { Config, ProviderConfig, ProviderName } from './config.js';
import { ConfigError } from './config-error.js';
import { credentialKeyFrom, derivedKey, guessableKey, masterKeyFrom, parseMasterKey } from './master-key.js';
import { endingsOfFiles, yesNo } from './setting-kinds.js';
import { isBare, isImage, isLoopback, isOrigin, listIn, protocolOf } from './texts.js';

/** A URL is never repeated in a message: it may carry a password. */
const url = (name: string, protocols: readonly string[], example: string) =>
  z.string().refine((text) => protocols.includes(protocolOf(text)), {
    error: `${name} must be a URL such as ${example}.`,
  });

const httpUrl = (name: string) =>
  url(name, ['http:', 'https:'], 'https://example.com').transform((text) => text.replace(/\/+$/, ''));

const address = (name: string) =>
  z.string().regex(/^[A-Za-z0-9.:-]+$/, `${name} must be an address such as 127.0.0.1.`);

const wholeNumber = (name: string, from: number, to: number) =>
  z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= from && Number(text) <= to, {
      error: `${name} must be a whole number from ${from} to ${to}.`,
    })
    .transform(Number);

const masterKey = (name: string) =>
  z.string().refine((text) => parseMasterKey(text) !== null, {
    error: `${name} must be 32 bytes, written as 64 hex digits or as base64 (openssl rand -hex 32 makes one).`,
  });
const list = () => z.string().transform((text) => listIn(text));

const origins = (name: string) =>
  list()
    .refine((all) => all.every(isOrigin), {
      error: `${name} must list origins separated by commas, such as https://app.example.com, without paths and without *.`,
    })
    .default([]);

const schema = z.object({
  FLOTILLA_HOST: address('FLOTILLA_HOST').default('127.0.0.1'),
  FLOTILLA_PORT: wholeNumber('FLOTILLA_PORT', 0, 65_535).default(8000),
  FLOTILLA_PUBLIC_URL: httpUrl('FLOTILLA_PUBLIC_URL').optional(),
  FLOTILLA_DATA_DIR: z.string().default('./data'),
  FLOTILLA_ADMIN_PASSWORD: z.string().min(8, 'FLOTILLA_ADMIN_PASSWORD must have at least 8 characters.').optional(),
  FLOTILLA_FIRST_PASSWORD: z
    .enum(['generate', 'ask'], { error: 'FLOTILLA_FIRST_PASSWORD must be generate or ask.' })
    .default('generate'),
  FLOTILLA_MASTER_KEY: masterKey('FLOTILLA_MASTER_KEY').optional(),
  FLOTILLA_NEW_MASTER_KEY: masterKey('FLOTILLA_NEW_MASTER_KEY').optional(),
  CREDENTIAL_ENCRYPTION_KEY: z
    .string()
    .regex(/^([0-9a-fA-F]{64}|none)$/, {
      error:
        'CREDENTIAL_ENCRYPTION_KEY must be 64 hex digits (openssl rand -hex 32 makes them), or none to switch credential bundles off.',
    })
    .optional(),
  DATABASE_URL: url(
    'DATABASE_URL',
    ['postgres:', 'postgresql:'],
    'postgres://user:password@host:5432/flotilla',
  ).optional(),
  DOCKER_HOST: url(
    'DOCKER_HOST',
    ['unix:', 'tcp:', 'ssh:'],
    'unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host',
  ).default('unix:///var/run/docker.sock'),
  DOCKER_CERT_PATH: z.string().optional(),
  FLOTILLA_ENGINE: z.enum(['docker', 'local'], { error: 'FLOTILLA_ENGINE must be docker or local.' }).default('docker'),
  FLOTILLA_ALLOW_LOCAL_ENGINE: yesNo('FLOTILLA_ALLOW_LOCAL_ENGINE'),
  FLOTILLA_DEFAULT_RUNTIME: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, 'FLOTILLA_DEFAULT_RUNTIME must be the name of a runtime, such as opencode.')
    .optional(),
  FLOTILLA_DEFAULT_MODEL: z.string().optional(),
  FLOTILLA_IDLE_MINUTES: wholeNumber('FLOTILLA_IDLE_MINUTES', 0, 525_600).default(10),
  FLOTILLA_EMAIL_SIGN_IN: yesNo('FLOTILLA_EMAIL_SIGN_IN', true),
  SMTP_URL: url('SMTP_URL', ['smtp:', 'smtps:'], 'smtp://user:password@mail.example.com:587').optional(),
  SMTP_FROM: z
    .string()
    .regex(
      /^[^\s@"(),:;<>[\]\\]+@[^\s@"(),:;<>[\]\\]+$/,
      'SMTP_FROM must be an e-mail address such as flotilla@example.com.',
    )
    .optional(),
  FLOTILLA_UPLOAD_REFUSED: endingsOfFiles('FLOTILLA_UPLOAD_REFUSED').optional(),
  FLOTILLA_CORS_ORIGINS: origins('FLOTILLA_CORS_ORIGINS'),
  FLOTILLA_EMBED_ORIGINS: origins('FLOTILLA_EMBED_ORIGINS'),
  FLOTILLA_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], {
      error: 'FLOTILLA_LOG_LEVEL must be debug, info, warn, error or silent.',
    })
    .default('info'),
  FLOTILLA_TEMPLATES_DIR: z.string().optional(),
  FLOTILLA_TEMPLATE_REPOSITORIES: list()
    .refine((all) => all.length <= 50 && all.every((one) => /^[\w.-]{1,100}\/[\w.-]{1,100}$/.test(one)), {
      error: 'FLOTILLA_TEMPLATE_REPOSITORIES must be a list of at most 50 owner/name, separated by commas.',
    })
    .default([]),
  FLOTILLA_GITHUB_URL: httpUrl('FLOTILLA_GITHUB_URL')
    .refine(isBare, {
      error: 'FLOTILLA_GITHUB_URL must not hold a user, password or query: GITHUB_TOKEN has the token.',
    })
    .default('https://github.com'),
  GITHUB_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{1,1000}$/, 'GITHUB_TOKEN must be one word without spaces.')
    .optional(),
  FLOTILLA_SSH_PORT: z
    .string()
    .refine((text) => text === 'off' || (/^\d{1,5}$/.test(text) && Number(text) <= 65_535), {
      error: 'FLOTILLA_SSH_PORT must be a whole number from 0 to 65535, or off.',
    })
    .transform((text) => (text === 'off' ? null : Number(text)))
    .default(2222),
  FLOTILLA_SSH_HOST: address('FLOTILLA_SSH_HOST').default('127.0.0.1'),
  FLOTILLA_SSH_FORWARDING: yesNo('FLOTILLA_SSH_FORWARDING'),
  SSH_HOST: address('SSH_HOST').optional(),
  TRINITY_UNIFORM_404: yesNo('TRINITY_UNIFORM_404'),
  TRINITY_SSH_ACCESS: yesNo('TRINITY_SSH_ACCESS', true),
  TRINITY_SSH_ADMIN_ONLY: yesNo('TRINITY_SSH_ADMIN_ONLY'),
  TRINITY_WS_ANONYMOUS: yesNo('TRINITY_WS_ANONYMOUS'),
  TRINITY_BASE_IMAGES: list()
    .refine((all) => all.every(isImage), {
      error:
        'TRINITY_BASE_IMAGES must list images with their tag or digest, separated by commas, such as registry.example.com/agent:1.2.',
    })
    .default([]),
  TRINITY_CREATE_MIN_ROLE: z
    .enum(['user', 'operator', 'creator', 'admin'], {
      error: 'TRINITY_CREATE_MIN_ROLE must be user, operator, creator or admin.',
    })
    .default('user'),
  HOSTEDAGENTS_RATE_LIMIT: wholeNumber('HOSTEDAGENTS_RATE_LIMIT', 0, 1_000_000).default(300),
  HOSTEDAGENTS_MAX_RUNNING: wholeNumber('HOSTEDAGENTS_MAX_RUNNING', 1, 100_000).default(10),
  HOSTEDAGENTS_MODELS: list()
    .refine((ids) => ids.length > 0 && ids.every(isModelId), {
      error: 'HOSTEDAGENTS_MODELS must list models as provider/model, separated by commas.',
    })
    .optional(),
  ANTHROPIC_API_KEY: z.string().optional(),
  CLAUDE_CODE_OAUTH_TOKEN: z.string().optional(),
  ANTHROPIC_BASE_URL: httpUrl('ANTHROPIC_BASE_URL').optional(),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: httpUrl('OPENAI_BASE_URL').optional(),
  GEMINI_API_KEY: z.string().optional(),
  GOOGLE_GEMINI_BASE_URL: httpUrl('GOOGLE_GEMINI_BASE_URL').optional(),
});
type Settings = z.infer<typeof schema>;

/**
 * Turns environment variables into the validated `Config`; an empty variable counts as unset. Makes the data folder and
 * its master key where they are missing. Throws `ConfigError` with every mistake at once.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const read = schema.safeParse(given);
  const problems = [
    ...(read.error?.issues.map((issue) => issue.message) ?? []),
    ...unsafeBind(given),
    ...guessableKey(given),
  ];
  if (!read.success || problems.length > 0) throw new ConfigError([...new Set(problems)]);
  return toConfig(read.data);
}

/** What must not be offered to a network, asked of the raw text so that it is reported along with other mistakes. */
function unsafeBind(env: NodeJS.ProcessEnv): string[] {
  return [
    ...unsafeAddress(env, 'FLOTILLA_HOST'),
    ...(env.FLOTILLA_SSH_PORT === 'off' ? [] : unsafeAddress(env, 'FLOTILLA_SSH_HOST')),
  ];
}

function unsafeAddress(env: NodeJS.ProcessEnv, name: 'FLOTILLA_HOST' | 'FLOTILLA_SSH_HOST'): string[] {
  if (isLoopback(env[name] ?? '127.0.0.1')) return [];
  const problems: string[] = [];
  if (name === 'FLOTILLA_HOST' && !env.FLOTILLA_ADMIN_PASSWORD) {
    problems.push('FLOTILLA_HOST is not a loopback address, so FLOTILLA_ADMIN_PASSWORD must be set.');
  }
  if (env.FLOTILLA_ENGINE === 'local' && !['true', '1'].includes(env.FLOTILLA_ALLOW_LOCAL_ENGINE ?? '')) {
    problems.push(
      `FLOTILLA_ENGINE=local isolates nothing and ${name} is not a loopback address: set FLOTILLA_ALLOW_LOCAL_ENGINE=true if that is really wanted.`,
    );
  }
  return problems;
}

function toConfig(settings: Settings): Config {
  const dataDir = resolve(settings.FLOTILLA_DATA_DIR);
  const publicUrl =
    settings.FLOTILLA_PUBLIC_URL ?? `http://${reachable(settings.FLOTILLA_HOST)}:${settings.FLOTILLA_PORT}`;
  const given = settings.FLOTILLA_MASTER_KEY && parseMasterKey(settings.FLOTILLA_MASTER_KEY);
  const masterKey = given || masterKeyFrom(dataDir);
  return {
    host: settings.FLOTILLA_HOST,
    port: settings.FLOTILLA_PORT,
    publicUrl,
    dataDir,
    adminPassword: sealed(settings.FLOTILLA_ADMIN_PASSWORD),
    firstPassword: settings.FLOTILLA_FIRST_PASSWORD,
    masterKey: new Secret(masterKey),
    credentialKey: credentialKeyOf(
      settings.CREDENTIAL_ENCRYPTION_KEY,
      () => credentialKeyFrom(dataDir) ?? derivedKey(masterKey, 'credential bundles'),
    ),
    databaseUrl: sealed(settings.DATABASE_URL),
    dockerHost: settings.DOCKER_HOST,
    dockerCertPath: settings.DOCKER_CERT_PATH ? resolve(settings.DOCKER_CERT_PATH) : null,
    engine: settings.FLOTILLA_ENGINE,
    allowLocalEngine: settings.FLOTILLA_ALLOW_LOCAL_ENGINE,
    defaultRuntime: settings.FLOTILLA_DEFAULT_RUNTIME ?? null,
    defaultModel: settings.FLOTILLA_DEFAULT_MODEL ?? null,
    providers: providersOf(settings),
    idleMinutes: settings.FLOTILLA_IDLE_MINUTES,
    emailSignIn: settings.FLOTILLA_EMAIL_SIGN_IN,
    smtpUrl: sealed(settings.SMTP_URL),
    mailFrom: settings.SMTP_FROM ?? `flotilla@${new URL(publicUrl).hostname}`,
    embedOrigins: settings.FLOTILLA_EMBED_ORIGINS,
    corsOrigins: settings.FLOTILLA_CORS_ORIGINS,
    refusedUploads: settings.FLOTILLA_UPLOAD_REFUSED ?? null,
    logLevel: settings.FLOTILLA_LOG_LEVEL,
    templatesDir: settings.FLOTILLA_TEMPLATES_DIR ? resolve(settings.FLOTILLA_TEMPLATES_DIR) : null,
    templateRepositories: settings.FLOTILLA_TEMPLATE_REPOSITORIES,
    github: { url: settings.FLOTILLA_GITHUB_URL, token: sealed(settings.GITHUB_TOKEN) },
    sshGateway: {
      host: settings.FLOTILLA_SSH_HOST,
      port: settings.FLOTILLA_SSH_PORT,
      publicHost: settings.SSH_HOST ?? advertisedHost(settings),
      forwarding: settings.FLOTILLA_SSH_FORWARDING,
    },
    trinity: {
      sshAccess: settings.TRINITY_SSH_ACCESS,
      sshAdminOnly: settings.TRINITY_SSH_ADMIN_ONLY,
      uniform404: settings.TRINITY_UNIFORM_404,
      wsAnonymous: settings.TRINITY_WS_ANONYMOUS,
      baseImages: settings.TRINITY_BASE_IMAGES,
      createMinRole: settings.TRINITY_CREATE_MIN_ROLE,
    },
    hostedagents: {
      rateLimit: settings.HOSTEDAGENTS_RATE_LIMIT,
      maxRunning: settings.HOSTEDAGENTS_MAX_RUNNING,
      models: settings.HOSTEDAGENTS_MODELS ?? null,
    },
  };
}

function providersOf(settings: Settings): Config['providers'] {
  const all: Record<ProviderName, ProviderConfig> = {
    anthropic: {
      apiKey: sealed(settings.ANTHROPIC_API_KEY),
      oauthToken: sealed(settings.CLAUDE_CODE_OAUTH_TOKEN),
      baseUrl: settings.ANTHROPIC_BASE_URL ?? null,
    },
    openai: { apiKey: sealed(settings.OPENAI_API_KEY), oauthToken: null, baseUrl: settings.OPENAI_BASE_URL ?? null },
    google: {
      apiKey: sealed(settings.GEMINI_API_KEY),
      oauthToken: null,
      baseUrl: settings.GOOGLE_GEMINI_BASE_URL ?? null,
    },
  };
  return Object.fromEntries(
    Object.entries(all).filter(([, { apiKey, oauthToken, baseUrl }]) => apiKey ?? oauthToken ?? baseUrl),
  );
}

function credentialKeyOf(given: string | undefined, own: () => string): Secret | null {
  if (given === 'none') return null;
  return new Secret(given?.toLowerCase() ?? own());
}

const sealed = (text: string | undefined): Secret | null => (text ? new Secret(text) : null);

/** `anthropic/claude-opus-4-6`: a provider, and the name of a model as it writes it. */
const isModelId = (text: string): boolean => /^[a-z][a-z0-9-]*\/[A-Za-z0-9][A-Za-z0-9._:/@+[\]-]{0,150}$/.test(text);

/** An address people can open: a wildcard bind is reached as localhost, IPv6 takes brackets. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

/** Where people reach the SSH gateway: the host of the public URL, else the first address of this machine that others see. */
function advertisedHost({ FLOTILLA_PUBLIC_URL: url, FLOTILLA_SSH_HOST: host }: Settings): string {
  if (url) return new URL(url).hostname.replace(/^\[|\]$/g, '');
  if (host !== '0.0.0.0' && host !== '::') return host;
  const seen = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return seen.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? 'localhost';
}
