import type { Answer, TrinityClient } from '../support/trinity-client.js';
import { until } from '../support/until.js';
import type { Change } from './change.js';

interface Listed {
  readonly id: string;
  readonly name: string;
}
interface Shown {
  readonly agentId: string;
  readonly name: string;
  readonly scope: string | null;
  readonly model: string;
  readonly status: string;
  readonly sessions: readonly { readonly id: string; readonly title: string }[];
}

/** Agents of this part of the load. The first asks before it acts, and only this part answers it while the load goes on. */
export const hostedAgents = ['hosted', 'restarter'] as const;

const tokens = '/api/v1/tokens';

/** State-changing operations of the hostedagents dialect that the mixed load does once in each round. */
export function hostedagentsChanges(admin: TrinityClient, round: string): Change[] {
  const api = new Api(admin, round);
  return [...aboutTokens(api), ...aboutScopes(api), ...aboutAgents(api), ...aboutSessions(api), ...aboutAnswers(api)];
}

/** The API as a program sees it in one round: with a token of its own, and agents by the first word of their name. */
class Api {
  private client: TrinityClient | null = null;
  private readonly ids = new Map<string, string>();

  constructor(
    readonly admin: TrinityClient,
    readonly round: string,
  ) {}

  /** Before anything else, so that the load asks one thing at a time. */
  async open(): Promise<void> {
    const { body } = await this.admin.post(tokens, { label: `of ${this.round}` });
    this.client = this.admin.as(String(body['token']));
    const { agents } = (await this.get<{ agents: Shown[] }>('/agents?limit=100')).body;
    for (const { name, agentId } of agents) this.ids.set(name.split(' ')[0] ?? '', agentId);
  }
  get as(): TrinityClient {
    if (!this.client) throw new Error('it was not opened');
    return this.client;
  }
  get<T = Record<string, unknown>>(path: string): Promise<Answer<T>> {
    return this.as.get<T>(`/api/v1${path}`);
  }
  ask(method: 'post' | 'put' | 'patch' | 'delete', path: string, body?: object): Promise<Answer> {
    return this.as[method](`/api/v1${path}`, body);
  }
  at(name: string): string {
    return `/agents/${this.ids.get(name) ?? 'unknown'}`;
  }
  async shown(name: string): Promise<Shown> {
    return (await this.get<Shown>(this.at(name))).body;
  }
}

function aboutTokens(api: Api): Change[] {
  const { admin, round } = api;
  let old = { id: '', token: '' };
  return [
    {
      what: 'token',
      about: 'admin',
      prepare: () => api.open(),
      ask: () => admin.post(tokens, { label: round }),
      seen: async () => {
        const { body } = await admin.get<{ tokens: { label: string }[] }>(tokens);
        return body.tokens.filter(({ label }) => label === round).length;
      },
      after: 1,
    },
    {
      what: 'revoke token',
      about: 'admin',
      prepare: async () => {
        const { body } = await admin.post(tokens, { label: `old-${round}` });
        old = { id: String(body['id']), token: String(body['token']) };
      },
      ask: () => admin.delete(`${tokens}/${old.id}`),
      seen: async () => (await admin.as(old.token).get('/api/v1/agents')).status,
      after: 401,
    },
  ];
}

/** Scopes, and secrets in them. */
function aboutScopes(api: Api): Change[] {
  const { round } = api;
  const ids = { kept: '', gone: '' };
  const make = async (name: string): Promise<string> => {
    await api.ask('post', '/scopes', { name });
    const { body } = await api.get<{ scopes: Listed[] }>('/scopes');
    return body.scopes.find((scope) => scope.name === name)?.id ?? '';
  };
  const names = async (): Promise<string[]> =>
    (await api.get<{ scopes: Listed[] }>('/scopes')).body.scopes.map(({ name }) => name);
  const keys = async (path: string): Promise<string[]> =>
    (await api.get<{ secrets: { key: string }[] }>(path)).body.secrets.map(({ key }) => key);
  const mine = `KEY_${round.toUpperCase()}`;
  return [
    {
      what: 'scope',
      about: 'organisation',
      ask: () => api.ask('post', '/scopes', { name: `new-${round}` }),
      seen: async () => (await names()).includes(`new-${round}`),
      after: true,
    },
    {
      what: 'rename scope',
      about: 'organisation',
      prepare: async () => (ids.kept = await make(`kept-${round}`)),
      ask: () => api.ask('patch', `/scopes/${ids.kept}`, { name: `named-${round}` }),
      seen: async () => (await api.get(`/scopes/${ids.kept}`)).body['name'],
      after: `named-${round}`,
    },
    {
      what: 'delete scope',
      about: 'organisation',
      prepare: async () => {
        ids.gone = await make(`gone-${round}`);
        await api.ask('put', `/scopes/${ids.gone}/secrets`, {
          key: `MOVED_${round.toUpperCase()}`,
          value: `value of ${round}`,
        });
      },
      ask: () => api.ask('delete', `/scopes/${ids.gone}`),
      // Its secret is the organisation's in the same moment.
      seen: async () => [
        (await api.get(`/scopes/${ids.gone}`)).status,
        (await keys('/secrets')).includes(`MOVED_${round.toUpperCase()}`),
      ],
      after: [404, true],
    },
    {
      what: 'secrets',
      about: 'organisation',
      ask: () =>
        api.ask('put', '/secrets', { secrets: { [`${mine}_A`]: `a of ${round}`, [`${mine}_B`]: `b of ${round}` } }),
      seen: async () => (await keys('/secrets')).filter((key) => key.startsWith(`${mine}_`)).sort(),
      after: [`${mine}_A`, `${mine}_B`],
    },
    {
      what: 'delete secret',
      about: 'organisation',
      prepare: () => api.ask('put', '/secrets', { key: `OLD_${mine}`, value: `old of ${round}` }),
      ask: () => api.ask('delete', `/secrets/OLD_${mine}`),
      seen: async () => (await keys('/secrets')).includes(`OLD_${mine}`),
      after: false,
    },
  ];
}

/** What agents are called, have and were given. */
function aboutAgents(api: Api): Change[] {
  const { round } = api;
  const at = (): string => api.at('hosted');
  const [mine, old] = [`up-${round}.txt`, `old-${round}.txt`];
  let model = '';
  const sizeOf = async (name: string): Promise<number | null> => {
    const { body } = await until('files are listed', async () => {
      const answer = await api.get<{ files?: { name: string; size: number }[] }>(`${at()}/files`);
      return answer.status === 200 && answer;
    });
    return body.files?.find((file) => file.name === name)?.size ?? null;
  };
  const upload = (name: string) => api.as.upload(`/api/v1${at()}/files`, name, round.repeat(100_000));
  return [
    {
      what: 'name',
      about: 'hosted',
      ask: () => api.ask('patch', at(), { name: `hosted ${round}` }),
      seen: async () => (await api.shown('hosted')).name,
      after: `hosted ${round}`,
    },
    {
      what: 'scope and model',
      about: 'hosted',
      prepare: async () => {
        await api.ask('post', '/scopes', { name: `for-${round}` });
        const { models } = (await api.get<{ models: { id: string }[] }>('/models')).body;
        model = models[Number(round.slice(1)) % models.length]?.id ?? '';
      },
      ask: () => api.ask('patch', at(), { scope: `for-${round}`, model }),
      // The model may be the one it has already: told by the scope.
      seen: async () => {
        const shown = await api.shown('hosted');
        return shown.scope === `for-${round}` ? shown.model === model : 'as before';
      },
      after: true,
    },
    {
      what: 'upload',
      about: 'hosted',
      ask: () => upload(mine),
      seen: () => sizeOf(mine),
      after: round.length * 100_000,
    },
    {
      what: 'delete file',
      about: 'hosted',
      prepare: () => upload(old),
      ask: () => api.ask('delete', `${at()}/files/${old}`),
      seen: () => sizeOf(old),
      after: null,
    },
    {
      what: 'restart',
      about: 'restarter',
      ask: () => api.ask('post', `${api.at('restarter')}/restart`),
      // However far it came: it runs in the end.
      seen: async () => (await api.shown('restarter')).status,
      after: 'RUNNING',
    },
  ];
}

function aboutSessions(api: Api): Change[] {
  const { round } = api;
  const at = (): string => `${api.at('hosted')}/sessions`;
  let old = '';
  const titled = async (title: string): Promise<number> =>
    (await api.shown('hosted')).sessions.filter((session) => session.title === title).length;
  return [
    {
      what: 'session',
      about: 'hosted',
      ask: () => api.ask('post', at(), { title: round }),
      seen: () => titled(round),
      after: 1,
    },
    {
      what: 'delete session',
      about: 'hosted',
      prepare: async () => (old = String((await api.ask('post', at(), { title: `old-${round}` })).body['id'])),
      ask: () => api.ask('delete', `${at()}/${old}`),
      seen: () => titled(`old-${round}`),
      after: 0,
    },
  ];
}

/** Approvals and questions that are open when the load begins. Who did not get an answer here gets the other one at the end. */
function aboutAnswers(api: Api): Change[] {
  const { admin, round } = api;
  const [permission, question] = [
    { id: '', sessionId: '' },
    { id: '', sessionId: '' },
  ];
  const file = `asked-${round}.txt`;
  const open = async (kind: 'permissions' | 'questions', sessionId: string): Promise<string | undefined> => {
    const { body } = await api.get<Record<string, { id: string; sessionId: string }[]>>(`${api.at('hosted')}/${kind}`);
    return body[kind]?.find((one) => one.sessionId === sessionId)?.id;
  };
  const asked = async (of: typeof permission, kind: 'permissions' | 'questions', message: string): Promise<void> => {
    const { body } = await api.ask('post', `${api.at('hosted')}/messages`, { message });
    of.sessionId = String(body['sessionId']);
    of.id = await until(`one of the ${kind} waits`, () => open(kind, of.sessionId), 60_000);
  };
  return [
    {
      what: 'reject',
      about: 'hosted',
      prepare: () => asked(permission, 'permissions', `<<write ${file} ${round}>>`),
      ask: () => api.ask('post', `${api.at('hosted')}/permissions/${permission.id}/reply`, { reply: 'reject' }),
      seen: async () => {
        if ((await open('permissions', permission.sessionId)) !== undefined) return 'allowed';
        const { status } = await admin.get(`/api/agents/hosted/files/download?path=${file}`);
        return status === 200 ? 'allowed' : 'rejected';
      },
      after: 'rejected',
    },
    {
      what: 'reply',
      about: 'hosted',
      prepare: () => asked(question, 'questions', '<<ask Which one? | A | B>>'),
      ask: () => api.ask('post', `${api.at('hosted')}/questions/${question.id}/reply`, { answers: [['B']] }),
      seen: async () => {
        if ((await open('questions', question.sessionId)) !== undefined) return 'Answer: A';
        const said = await api.get<{ messages: { text: string }[] }>(
          `${api.at('hosted')}/messages?sessionId=${question.sessionId}`,
        );
        return said.body.messages.at(-1)?.text;
      },
      after: 'Answer: B',
    },
  ];
}
