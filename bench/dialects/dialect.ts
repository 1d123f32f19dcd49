/** One HTTP call as a client makes it. */
export interface Call {
  readonly method: string;
  readonly path: string;
  /** An object is sent as JSON. */
  readonly body?: object;
  /** Anything else: its parts one after another, without a copy, and what they are. */
  readonly bytes?: { readonly type: string; readonly parts: readonly Buffer[] };
}

export type Body = ReturnType<typeof JSON.parse>;

/** An agent as it is stored. */
export interface StoredAgent {
  readonly id: string;
  readonly slug: string;
}

/**
 * What the benchmarks need to know of one API. A second one joins by a line in `index.ts`. `agent` is what the API's paths
 * call an agent.
 */
export interface BenchDialect {
  readonly name: string;
  /** The token of the administrator. */
  signIn(url: string, password: string): Promise<string>;
  headers(token: string): Readonly<Record<string, string>>;
  agentOf(stored: StoredAgent): string;
  /** Logins are taken as well as API keys. */
  readonly takesLogins: boolean;

  read(agent: string): Call;
  isAgent(body: Body, name: string): boolean;
  /** Most agents in one answer, where a list comes in pages. */
  readonly page?: number;
  /** `tag` keeps the agents that have it; an API with pages has none here. */
  list(tag?: string): Call;
  /** Names, in the order of the answer. */
  names(body: Body): readonly string[];
  /** A file, replaced if it is there. */
  upload(agent: string, name: string, bytes: Buffer): Call;
  isUploaded(body: Body, bytes: number): boolean;
  /** Stops and starts an agent that runs. Missing: this API has no such call. */
  readonly restart?: { call(agent: string): Call; isDone(body: Body): boolean };
  /** Path of the event socket; `lastSeen` asks for what came after it. Missing: this API has none. */
  readonly events?: {
    path(token: string, lastSeen?: string): string;
    /** An event as stored, which the API carries to everyone who may hear of the agent. */
    readonly stored: { readonly type: string; readonly data: Readonly<Record<string, unknown>> };
  };
}

/** The first API of the list, by which agents are made and kept. Its paths call an agent by its name. */
export interface ManagingDialect extends BenchDialect {
  create(name: string, runtime: string): Call;
  isRunning(body: Body, name: string): boolean;
  start(name: string): Call;
  stop(name: string): Call;
  /** null: this API cannot. */
  rename(name: string, to: string): Call | null;
  remove(name: string): Call;
  /** Gives a running agent 1 GiB and two cores. */
  limit(name: string): Call;
  isLimited(body: Body): boolean;
  isStopped(body: Body, name: string): boolean;
  stats(name: string): Call;
  isStats(body: Body): boolean;
  chat(name: string, message: string): Call;
  isChat(body: Body): boolean;
  /** Path of the stream that brings an agent's answers as they are written. */
  answers(name: string): string;
  download(name: string, path: string): Call;
  tree(name: string, path: string): Call;
  filesIn(body: Body): number;
  readonly events: NonNullable<BenchDialect['events']>;
  /** A shell in an agent over a socket: its path, and the first message, which says who is there. Missing: this API has none. */
  readonly terminal?: { path(name: string): string; hello(token: string): string };
  /** Lets a key in over SSH. Missing: this API cannot. */
  sshAccess?(name: string, publicKey: string): Call;
}
