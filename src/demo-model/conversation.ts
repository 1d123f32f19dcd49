/** A tool the runtime offers. `params` are the names of its arguments; `freeForm` tools take one text instead. */
export interface Tool {
  readonly name: string;
  readonly freeForm: boolean;
  readonly params: readonly string[];
}

/** One message of the user's side. Tool results count as the user's; `results` come before `text`. */
export interface UserMessage {
  readonly text: string;
  readonly results: number;
}

/** What a request says, whatever its wire format. */
export interface Conversation {
  readonly model: string;
  readonly stream: boolean;
  readonly system: string;
  readonly messages: readonly UserMessage[];
  readonly tools: readonly Tool[];
  /** JSON schema the answer has to follow, if the request names one. */
  readonly schema: Fields | null;
}

/** A piece of answer text, sent `waitMs` milliseconds after the one before. */
export interface Chunk {
  readonly text: string;
  readonly waitMs: number;
}

/** A tool call: JSON arguments, or the text of a free-form tool. */
export interface ToolCall {
  readonly name: string;
  readonly input: Fields | string;
}

/** What the demo model says next. */
export type Answer =
  | { readonly kind: 'turn'; readonly chunks: readonly Chunk[]; readonly call: ToolCall | null }
  | { readonly kind: 'fail'; readonly status: number; readonly message: string };

/** Everything a wire format needs to word a turn. */
export interface Reply {
  /** Unique, without a prefix. */
  readonly id: string;
  readonly model: string;
  readonly chunks: readonly Chunk[];
  readonly call: ToolCall | null;
  /** Tokens, estimated at four characters each. */
  readonly usage: { readonly input: number; readonly output: number };
  /** Seconds since the epoch. */
  readonly createdAt: number;
}

/** One server-sent event; `event` is its name, `waitMs` how long to wait before it is sent. */
export interface StreamEvent {
  readonly event?: string;
  readonly data: Fields | string;
  readonly waitMs?: number;
}

/** How one vendor's API words requests and answers. */
export interface WireFormat {
  readonly name: 'chat' | 'responses' | 'anthropic' | 'gemini';
  /** Throws `BadInput` for a body that makes no sense. */
  read(body: Fields, path: string): Conversation;
  whole(reply: Reply): Fields;
  events(reply: Reply): Iterable<StreamEvent>;
  error(status: number, message: string): Fields;
}

/** The request cannot be understood; the message goes to the caller with status 400. */
export class BadInput extends Error {}

export type Fields = Readonly<Record<string, unknown>>;

/** The value as an object, or an empty one. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The value as a list of objects; anything else is left out. */
export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null).map(fieldsOf) : [];
}

/** The value if it is text, else an empty text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Text of a message content: a text, or a list of parts with a `text`. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return listOf(content)
    .map((part) => textOf(part['text']))
    .filter((text) => text !== '')
    .join('\n');
}

/** Names of a JSON schema's properties. */
export function paramsOf(schema: unknown): readonly string[] {
  return Object.keys(fieldsOf(fieldsOf(schema)['properties']));
}

/** Throws `BadInput` unless the value is a list. */
export function requireList(value: unknown, name: string): readonly Fields[] {
  if (!Array.isArray(value)) throw new BadInput(`"${name}" has to be a list`);
  return listOf(value);
}

/** All text of a turn. */
export function turnText(reply: Pick<Reply, 'chunks'>): string {
  return reply.chunks.map((chunk) => chunk.text).join('');
}
