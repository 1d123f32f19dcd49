const key = 'flotilla.token';
let signedOut = () => undefined;

/** A refusal in the server's own sentence. `status` is 0 when no answer came. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const token = () => sessionStorage.getItem(key);

/** What to do when the server no longer knows our token. */
export const onSignedOut = (listener) => {
  signedOut = listener;
};

export async function signIn(username, password) {
  const { body } = await request('POST', '/token', { form: { username, password } });
  sessionStorage.setItem(key, body.access_token);
}

/** Ends the sign-in here in any case, and at the server if it answers. */
export async function leave() {
  const held = token();
  sessionStorage.removeItem(key);
  await request('POST', '/api/auth/logout', { bearer: held }).catch(() => undefined);
}

/** Path of an agent's routes in the published API. */
export const agentPath = (name, rest = '') => `/api/agents/${encodeURIComponent(name)}${rest}`;

/** One call as the person who is signed in; answers the body. Throws `ApiError`. */
export const call = async (method, path, options) => (await callWithHeaders(method, path, options)).body;

/** As `call`, with the answer's headers. */
export async function callWithHeaders(method, path, options = {}) {
  const bearer = token();
  try {
    return await request(method, path, { ...options, bearer });
  } catch (error) {
    if (error.status === 401 && bearer !== null && bearer === token()) {
      sessionStorage.removeItem(key);
      signedOut();
    }
    throw error;
  }
}

async function request(method, path, { json, form, bearer, signal } = {}) {
  const headers = { accept: 'application/json' };
  if (bearer) headers.authorization = `Bearer ${bearer}`;
  if (json !== undefined) headers['content-type'] = 'application/json';
  const payload = json !== undefined ? JSON.stringify(json) : form && new URLSearchParams(form);
  const answer = await fetch(path, { method, headers, body: payload, signal, cache: 'no-store' }).catch((error) => {
    throw error.name === 'AbortError' ? error : new ApiError(0, 'The server does not answer.');
  });
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(answer.status, sentenceOf(body, answer.status));
  return { body, headers: answer.headers };
}

/** The sentence in an error of either API this page uses. */
function sentenceOf(body, status) {
  const detail = body?.detail ?? body?.error;
  if (typeof detail === 'string') return detail;
  if (Array.isArray(detail)) return detail.map(({ loc, msg }) => `${loc?.at(-1) ?? 'input'}: ${msg}`).join('; ');
  return detail?.message ?? detail?.error ?? `The server answered with status ${status}.`;
}
