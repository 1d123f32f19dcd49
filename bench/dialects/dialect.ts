/** One HTTP call as a client makes it. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

export type Body = ReturnType<typeof JSON.parse>;

/** What the benchmarks need to know of one API. A second one joins by a line in `index.ts`. */
export interface BenchDialect {
  readonly name: string;
  /** The token of the administrator. */
  signIn(url: string, password: string): Promise<string>;
  headers(token: string): Readonly<Record<string, string>>;

  create(name: string, runtime: string): Call;
  isRunning(body: Body, name: string): boolean;
  read(name: string): Call;
  isAgent(body: Body, name: string): boolean;
  /** `tag` keeps the agents that have it. */
  list(tag?: string): Call;
  /** Names, in the order of the answer. */
  names(body: Body): readonly string[];
  start(name: string): Call;
  stop(name: string): Call;
  /** null: this API cannot. */
  rename(name: string, to: string): Call | null;
  remove(name: string): Call;
  stats(name: string): Call;
  isStats(body: Body): boolean;
  chat(name: string, message: string): Call;
  isChat(body: Body): boolean;
  /** Path of the stream that brings an agent's answers as they are written. */
  answers(name: string): string;
  /** Path of the event socket; `lastSeen` asks for what came after it. */
  events(token: string, lastSeen?: string): string;
  /** A shell in an agent over a socket: its path, and the first message, which says who is there. Missing: this API has none. */
  readonly terminal?: { path(name: string): string; hello(token: string): string };
  /** Lets a key in over SSH. Missing: this API cannot. */
  sshAccess?(name: string, publicKey: string): Call;
  /** An event as stored, which the API carries to everyone who may hear of the agent. */
  readonly event: { readonly type: string; readonly data: Readonly<Record<string, unknown>> };
}
