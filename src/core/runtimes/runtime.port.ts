import type { ProviderName } from '../../config/config.js';
import type { ApprovalsMode } from '../agents/agent.entity.js';
import type { ModelEndpoint } from './models.port.js';

/** A file that only the agent's own processes read. Absolute. */
export interface PrivateFile {
  readonly path: string;
}

/** What a runtime needs to know to be launched for one agent. */
export interface LaunchContext {
  /** The agent's own model, or null for the endpoint's default. */
  readonly model: string | null;
  readonly endpoint: ModelEndpoint;
  readonly approvals: ApprovalsMode;
  /** Its home is closed for writing but for its `stores`. */
  readonly readOnly: boolean;
  /** Absolute path of the agent's home, its working directory. */
  readonly home: string;
  /** Extra system prompt. */
  readonly instructions: string | null;
  /** Where instructions lie that nobody is shown, outside the home; null: there are none. Given only where `takesPrivate`. */
  readonly privateFile: PrivateFile | null;
  /** Port for an inner server, unique among the instances that share a loopback; 0 when it needs none. */
  readonly innerPort: number;
  /** Password for that inner server. */
  readonly innerPassword: string;
}

/** How to start it. Environment values may be secret: they travel in the launch file, never in argv. */
export interface Launch {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Configuration written into the home first; paths are relative to it. */
  readonly files: readonly { readonly path: string; readonly content: string }[];
}

/** A command run inside the instance as root, with what must stay out of argv on its standard input. */
export interface InnerCall {
  readonly argv: readonly string[];
  readonly stdin: string;
}

/** One question with its options, as a runtime asked it. */
export interface AskedQuestion {
  readonly key: string;
  readonly text: string;
  readonly header: string | null;
  readonly options: readonly { readonly value: string; readonly label: string; readonly description: string | null }[];
  readonly multiple: boolean;
  readonly freeText: boolean;
}

/** Questions a runtime asks beside ACP: how to see them, and how to answer over its own server. */
export interface QuestionBridge {
  /** The questions of a tool call that is one; null otherwise. */
  questionsIn(toolCall: { readonly title: string; readonly rawInput: unknown }): readonly AskedQuestion[] | null;
  listCall(context: InnerContext): InnerCall;
  /** Finds the runtime's id of the question that belongs to a tool call in the output of `listCall`; null when it waits no more. */
  findId(output: string, toolCallId: string): string | null;
  /** `answers` holds one list of labels per question; null rejects. */
  answerCall(context: InnerContext, id: string, answers: readonly (readonly string[])[] | null): InnerCall;
}

export interface InnerContext {
  readonly innerPort: number;
  readonly innerPassword: string;
}

/**
 * What an update means that a runtime uses in a way of its own. `ignore`: nobody said it, e.g. a warning about settings sent
 * as if the agent had; `failing`: the running turn fails, and the reason follows as text.
 */
export type UpdateReader = (update: Readonly<Record<string, unknown>>) => 'ignore' | 'failing' | null;

/** One coding agent program. Everything peculiar to it lives in its one file under `adapters/runtimes`. */
export interface AgentRuntime {
  readonly name: string;
  readonly title: string;
  /** Providers it can use, preferred first. */
  readonly providers: readonly ProviderName[];
  /** Can it ask a person before it acts? If not, `approvals: ask` is refused. */
  readonly canAsk: boolean;
  readonly needsInnerPort: boolean;
  /** Can it follow instructions that lie outside its home: as a file, or as text when a conversation begins? Left out: no. */
  readonly takesPrivate?: boolean;
  /** Folders of the home, relative to it, where it keeps sessions, caches and settings: they stay writable in read-only mode. */
  readonly stores: readonly string[];
  /** ACP authentication method to call after `initialize`; null for none. */
  readonly authMethod: string | null;
  launch(context: LaunchContext): Launch;
  /** Extra `_meta` for `session/new`; null for none, also where instructions reach it in another way. */
  sessionMeta(context: {
    readonly instructions: string | null;
    /** Given only where `canRestrictTools`. */
    readonly allowedTools?: readonly string[];
  }): Record<string, unknown> | null;
  /** Can one conversation be held to a list of tools? Left out: no. */
  readonly canRestrictTools?: boolean;
  /** Names of models it certainly knows, for people to choose from; any other name may be given too. */
  readonly knownModels?: readonly string[];
  /** Session mode to set after `session/new` and `session/load`; null leaves the default. */
  modeFor(approvals: ApprovalsMode): string | null;
  readonly questions: QuestionBridge | null;
  /** Left out where every update means what ACP says. */
  readonly readUpdate?: UpdateReader;
  /** Variables of its own that nobody else may set; a `*` at the end stands for any ending. Left out: none. */
  readonly ownVariables?: readonly string[];
  /**
   * Its own program for people at a terminal: names, or absolute paths in our image where `*` is any text; the first that is
   * there is taken. Left out: none.
   */
  readonly terminalPrograms?: readonly string[];
  /** What the cost it reports counts from: the conversation's beginning, or (the default) the last time it was loaded. */
  readonly costCountsFrom?: 'conversation' | 'load';
}

/** The runtimes this installation offers, by name. */
export abstract class Runtimes {
  abstract readonly names: readonly string[];
  abstract find(name: string): AgentRuntime | null;
  /** Throws `Invalid` naming the supported ones. */
  abstract get(name: string): AgentRuntime;
  /** What a request that names none gets. */
  abstract readonly fallback: string;
}
