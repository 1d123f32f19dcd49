import type { Secret } from '../core/credentials/secret.js';

/** A model provider as the environment configured it. */
export interface ProviderConfig {
  readonly apiKey: Secret | null;
  /** Only Anthropic: a subscription token instead of a key. */
  readonly oauthToken: Secret | null;
  readonly baseUrl: string | null;
}

export type ProviderName = 'anthropic' | 'openai' | 'google';

/** Every setting of the server, validated once at start. No other file reads `process.env`. */
export abstract class Config {
  abstract readonly host: string;
  abstract readonly port: number;
  /** Without a trailing slash; default `http://<host>:<port>`. */
  abstract readonly publicUrl: string;
  /** Absolute. */
  abstract readonly dataDir: string;
  abstract readonly adminPassword: Secret | null;
  /** Where the first administrator's password comes from when none is configured: made up, or chosen by the first visitor. */
  abstract readonly firstPassword: 'generate' | 'ask';
  /** 32 bytes; from the environment or the data folder. */
  abstract readonly masterKey: Secret;
  /** Seals credential bundles: 64 hex digits, its own or derived from the master key. null: switched off. */
  abstract readonly credentialKey: Secret | null;
  abstract readonly databaseUrl: Secret | null;
  /** `unix:///var/run/docker.sock`, `tcp://host:2376`, `ssh://user@host`. */
  abstract readonly dockerHost: string;
  /** Folder with ca.pem, cert.pem, key.pem for `tcp://`. */
  abstract readonly dockerCertPath: string | null;
  abstract readonly engine: 'docker' | 'local';
  abstract readonly allowLocalEngine: boolean;
  abstract readonly defaultRuntime: string | null;
  abstract readonly defaultModel: string | null;
  /** Providers that have a key, a token or a base URL. */
  abstract readonly providers: Readonly<Partial<Record<ProviderName, ProviderConfig>>>;
  /** Minutes without work after which a runtime process sleeps. 0: never. */
  abstract readonly idleMinutes: number;
  /** Whether people may sign in with codes that are mailed to them. */
  abstract readonly emailSignIn: boolean;
  /** Where mail is handed over; null: it is written to the console. */
  abstract readonly smtpUrl: Secret | null;
  /** Address that mails come from. */
  abstract readonly mailFrom: string;
  /** Origins whose pages may show agents and sessions in frames; none: any page may. */
  abstract readonly embedOrigins: readonly string[];
  /** Origins that may call from a browser, besides our own. */
  abstract readonly corsOrigins: readonly string[];
  /** Endings of files that people may not hand to agents, in small letters; null: the usual ones. */
  abstract readonly refusedUploads: readonly string[] | null;
  abstract readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Folder with templates of this installation's own; null: only the shipped ones. */
  abstract readonly templatesDir: string | null;
  /** Repositories (`owner/name`) with a template that are shown in the list. */
  abstract readonly templateRepositories: readonly string[];
  /** Where repositories are read from, and with what. */
  abstract readonly github: { readonly url: string; readonly token: Secret | null };
  /** The SSH gateway into agents. */
  abstract readonly sshGateway: {
    /** Address it listens on. */
    readonly host: string;
    /** Null: there is no gateway. 0: any free port. */
    readonly port: number | null;
    /** Host name or address that people are told. */
    readonly publicHost: string;
    /** May clients reach ports on an agent's own loopback (`ssh -L`)? */
    readonly forwarding: boolean;
  };
  abstract readonly trinity: {
    /** May owners open SSH access, until an administrator says otherwise in `ops/config`? */
    readonly sshAccess: boolean;
    /** Only administrators may open SSH access. */
    readonly sshAdminOnly: boolean;
    readonly uniform404: boolean;
    readonly wsAnonymous: boolean;
    /** Images that agents may be made from besides our own, exactly as clients write them. */
    readonly baseImages: readonly string[];
    readonly createMinRole: 'user' | 'operator' | 'creator' | 'admin';
  };
  abstract readonly hostedagents: {
    /** Requests a minute and token; 0: no limit. */
    readonly rateLimit: number;
    /** Agents of one organisation that run at once. */
    readonly maxRunning: number;
    /** Models to choose from as `provider/model`, the default first; null: what fits the configured providers. */
    readonly models: readonly string[] | null;
  };
}
