export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  /** As JSON where it is JSON, else the text. */
  readonly body: T;
  readonly headers: Headers;
}

type Json = Record<string, unknown>;

/** Calls the trinity API over real HTTP, as somebody. */
export class TrinityClient {
  constructor(
    private readonly url: string,
    readonly token: string | null = null,
  ) {}

  as(token: string | null): TrinityClient {
    return new TrinityClient(this.url, token);
  }

  async signIn(username: string, password: string): Promise<TrinityClient> {
    const { status, body } = await this.form('/token', { username, password });
    if (status !== 200) throw new Error(`sign-in of ${username} answered ${status}`);
    return this.as(String(body['access_token']));
  }

  form(path: string, fields: Record<string, string>): Promise<Answer> {
    return this.send('POST', path, { body: new URLSearchParams(fields) });
  }

  get<T = Json>(path: string, headers: Record<string, string> = {}): Promise<Answer<T>> {
    return this.send('GET', path, { headers });
  }

  post<T = Json>(path: string, body?: object): Promise<Answer<T>> {
    return this.json('POST', path, body);
  }

  put<T = Json>(path: string, body?: object): Promise<Answer<T>> {
    return this.json('PUT', path, body);
  }

  patch<T = Json>(path: string, body?: object): Promise<Answer<T>> {
    return this.json('PATCH', path, body);
  }

  delete<T = Json>(path: string): Promise<Answer<T>> {
    return this.json('DELETE', path);
  }

  /** A form with one file in it. */
  upload<T = Json>(path: string, name: string, content: string): Promise<Answer<T>> {
    const body = new FormData();
    body.set('file', new Blob([content]), name);
    return this.send('POST', path, { body });
  }

  /** Clients of this API send the content type with every call, also without a body. */
  private json<T>(method: string, path: string, body?: object): Promise<Answer<T>> {
    const headers = { 'content-type': 'application/json' };
    return this.send(method, path, body ? { headers, body: JSON.stringify(body) } : { headers });
  }

  private async send<T>(method: string, path: string, init: RequestInit): Promise<Answer<T>> {
    const headers = new Headers(init.headers);
    if (this.token !== null) headers.set('authorization', `Bearer ${this.token}`);
    const response = await fetch(this.url + path, { ...init, method, headers });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    return { status: response.status, body: (isJson ? JSON.parse(text) : text) as T, headers: response.headers };
  }
}
