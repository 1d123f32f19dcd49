/** A refusal in the server's own sentence. `status` is 0 when no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code = '',
  ) {
    super(message);
  }
}

export interface CallOptions {
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Send = (method: string, path: string, options?: CallOptions) => Promise<Response>;

/** One call without any sign-in; answers the response, whatever its body. Throws `ApiError`. */
export async function request(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const headers = new Headers({ accept: 'application/json', ...options.headers });
  const { body, type } = payloadOf(options);
  if (type) headers.set('content-type', type);
  let answer: Response;
  try {
    const signal = options.signal ?? null;
    answer = await fetch(path, { method, headers, body: body ?? null, signal, cache: 'no-store' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The server does not answer.');
  }
  if (answer.ok) return answer;
  throw await errorOf(answer);
}

/** Any failure as a sentence for people. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function payloadOf({ json, form, body }: CallOptions): { body?: BodyInit; type?: string } {
  if (json !== undefined) return { body: JSON.stringify(json), type: 'application/json' };
  if (form) return { body: new URLSearchParams(form) };
  return body === undefined ? {} : { body };
}

interface ErrorBody {
  readonly detail?: unknown;
  readonly error?: unknown;
  /** Why, where `detail` is a sentence that does not say. */
  readonly reason?: unknown;
}

async function errorOf(answer: Response): Promise<ApiError> {
  const body = (await answer.json().catch(() => null)) as ErrorBody | null;
  const detail: unknown = body?.detail ?? body?.error;
  const sentence = sentenceOf(detail, answer.status);
  return new ApiError(
    answer.status,
    typeof body?.reason === 'string' ? `${sentence} The reason: ${body.reason}` : sentence,
    textField(detail, 'code') ?? textField(body, 'code') ?? '',
  );
}

/** The sentence in an error of any API these pages use. */
function sentenceOf(detail: unknown, status: number): string {
  if (typeof detail === 'string') return detail;
  if (Array.isArray(detail)) return detail.map(issueOf).join('; ');
  const issues = (detail as { issues?: { field: string; message: string }[] } | null | undefined)?.issues;
  if (issues && issues.length > 0) return issues.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return textField(detail, 'message') ?? textField(detail, 'error') ?? `The server answered with status ${status}.`;
}

function issueOf(issue: unknown): string {
  const { loc, msg } = issue as { loc?: readonly (string | number)[]; msg?: string };
  return `${loc?.at(-1) ?? 'input'}: ${msg ?? 'is wrong'}`;
}

function textField(value: unknown, name: string): string | null {
  const field: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : null;
  return typeof field === 'string' ? field : null;
}
