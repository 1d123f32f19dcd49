import { ApiError, type CallOptions, messageOf, request } from './http';
import { forgetToken, readToken } from './token';

export { ApiError, type CallOptions, messageOf };

/** Path of an agent's routes in the published API. */
export const agentPath = (name: string, rest = ''): string => `/api/agents/${encodeURIComponent(name)}${rest}`;
/** Path of an agent's routes in the console's own API. */
export const consolePath = (name: string, rest = ''): string => `/~console/agents/${encodeURIComponent(name)}${rest}`;

/** One call as the person who is signed in; answers the response, whatever its body. Throws `ApiError`. */
export async function send(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const token = readToken();
  const signedIn: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  try {
    return await request(method, path, { ...options, headers: { ...options.headers, ...signedIn } });
  } catch (error) {
    // A sign-in that the server no longer knows ends here, unless it was replaced meanwhile.
    const refused = error instanceof ApiError && error.status === 401;
    if (refused && token !== null && token === readToken()) forgetToken('expired');
    throw error;
  }
}

/** As `send`; answers the body as JSON. */
export async function call<T = unknown>(method: string, path: string, options?: CallOptions): Promise<T> {
  const answer = await send(method, path, options);
  const text = await answer.text();
  return (text === '' ? null : JSON.parse(text)) as T;
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => call<T>('GET', path, { signal });
