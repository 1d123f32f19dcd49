import type { TrinityClient } from '../support/trinity-client.js';
import type { Change } from './change.js';

interface Listed {
  readonly id: string;
  readonly name: string;
}

/** State-changing operations of the trinity dialect that the mixed load does once in each round. `round` is the mark of a round: r1, r2 ... */
export function trinityChanges(admin: TrinityClient, round: string): Change[] {
  return [...aboutPeople(admin, round), ...aboutAgents(admin, round), ...aboutSchedules(admin, round)];
}

/** Agents that no operation of the load removes or renames. */
const lasting = new Set(['approver', 'asker', 'streamer', 'worker']);

/** Every second round. */
const isEven = (round: string): boolean => Number(round.slice(1)) % 2 === 0;

/** Shares, API keys, SSH keys. */
function aboutPeople(admin: TrinityClient, round: string): Change[] {
  const [guest, leaver] = [`${round}@example.com`, `leaver-${round}@example.com`];
  const sharedWith = (email: string) => async (): Promise<boolean> => {
    const { body } = await admin.get<{ shared_with_email: string }[]>('/api/agents/asker/shares');
    return body.some((share) => share.shared_with_email === email);
  };
  const apiKeys = async (): Promise<string[]> =>
    (await admin.get<Listed[]>('/api/mcp/keys')).body.flatMap(({ name }) => (name === round ? [name] : []));
  const sshKeys = async (agent: string): Promise<string[]> =>
    (await admin.get<Listed[]>(`/~console/agents/${agent}/ssh-credentials`)).body.map(({ id }) => id);
  const revokeSsh = async (agent: string): Promise<void> => {
    for (const id of await sshKeys(agent)) await admin.delete(`/~console/agents/${agent}/ssh-credentials/${id}`);
  };
  const openSsh = (agent: string) => admin.post(`/api/agents/${agent}/ssh-access`, { generate_key: true });
  let apiKey = { id: '', value: '' };
  let sshKey = '';
  return [
    {
      what: 'share',
      about: 'asker',
      ask: () => admin.post('/api/agents/asker/share', { email: guest }),
      seen: sharedWith(guest),
      after: true,
    },
    {
      what: 'unshare',
      about: 'asker',
      prepare: () => admin.post('/api/agents/asker/share', { email: leaver }),
      ask: () => admin.delete(`/api/agents/asker/share/${leaver}`),
      seen: sharedWith(leaver),
      after: false,
    },
    {
      what: 'api key',
      about: 'admin',
      ask: () => admin.post('/api/mcp/keys', { name: round }),
      seen: apiKeys,
      after: [round],
    },
    {
      what: 'revoke api key',
      about: 'admin',
      prepare: async () => {
        const { body } = await admin.post('/api/mcp/keys', { name: `old-${round}` });
        apiKey = { id: String(body['id']), value: String(body['api_key']) };
      },
      ask: () => admin.post(`/api/mcp/keys/${apiKey.id}/revoke`),
      seen: async () => (await admin.as(apiKey.value).get('/api/agents')).status,
      after: 401,
    },
    {
      what: 'open ssh',
      about: 'streamer',
      prepare: () => revokeSsh('streamer'),
      ask: () => openSsh('streamer'),
      seen: async () => (await sshKeys('streamer')).length,
      after: 1,
    },
    {
      what: 'close ssh',
      about: 'worker',
      prepare: async () => {
        await revokeSsh('worker');
        await openSsh('worker');
        sshKey = (await sshKeys('worker'))[0] ?? '';
      },
      ask: () => admin.delete(`/~console/agents/worker/ssh-credentials/${sshKey}`),
      seen: async () => (await sshKeys('worker')).length,
      after: 0,
    },
  ];
}

/** What agents are, have and may do. */
function aboutAgents(admin: TrinityClient, round: string): Change[] {
  const seconds = 600 + Number(round.slice(1));
  const callable = isEven(round) ? ['asker'] : ['asker', 'streamer'];
  const file = (agent: string, path: string) => async (): Promise<unknown> => {
    const { status, body } = await admin.get(`/api/agents/${agent}/files/download?path=${path}`);
    return status === 200 ? body : null;
  };
  const field = (path: string, name: string) => async (): Promise<unknown> => (await admin.get(path)).body[name];
  return [
    {
      what: 'tag',
      about: 'worker',
      ask: () => admin.put('/api/agents/worker/tags', { tags: [round] }),
      seen: field('/api/agents/worker/tags', 'tags'),
      after: [round],
    },
    {
      what: 'write',
      about: 'streamer',
      ask: () => admin.put(`/api/agents/streamer/files?path=${round}.txt`, { content: round }),
      seen: file('streamer', `${round}.txt`),
      after: round,
    },
    {
      what: 'inject credentials',
      about: 'streamer',
      ask: () => admin.post('/api/agents/streamer/credentials/inject', { files: { '.env': `ROUND=${round}\n` } }),
      seen: file('streamer', '.env'),
      after: `ROUND=${round}\n`,
    },
    {
      what: 'folders',
      about: 'toggler',
      ask: () => admin.put('/api/agents/toggler/folders', { expose_enabled: isEven(round) }),
      seen: field('/api/agents/toggler/folders', 'expose_enabled'),
      after: isEven(round),
    },
    {
      what: 'permissions',
      about: 'worker',
      ask: () => admin.put('/api/agents/worker/permissions', { permitted_agents: callable }),
      seen: async () => {
        const { body } = await admin.get<{ permitted_agents: Listed[] }>('/api/agents/worker/permissions');
        // Agents of the load come and go, and may be called at first.
        return body.permitted_agents.flatMap(({ name }) => (lasting.has(name) ? [name] : [])).sort();
      },
      after: callable,
    },
    {
      what: 'autonomy',
      about: 'streamer',
      ask: () => admin.put('/api/agents/streamer/autonomy', { enabled: isEven(round) }),
      seen: field('/api/agents/streamer/autonomy', 'autonomy_enabled'),
      after: isEven(round),
    },
    {
      what: 'timeout',
      about: 'streamer',
      ask: () => admin.put('/api/agents/streamer/timeout', { execution_timeout_seconds: seconds }),
      seen: field('/api/agents/streamer/timeout', 'execution_timeout_seconds'),
      after: seconds,
    },
    {
      what: 'setting',
      about: 'installation',
      ask: () => admin.put('/api/settings/chaos', { value: round }),
      seen: field('/api/settings/chaos', 'value'),
      after: round,
    },
  ];
}

/** Schedules of an agent: made, switched off, deleted, and run once. */
function aboutSchedules(admin: TrinityClient, round: string): Change[] {
  const base = '/api/agents/worker/schedules';
  const yearly = {
    cron_expression: '0 0 1 1 *',
    message: `<<bash echo ${round} | tee -a runs.txt>> <<say ran-${round}>>`,
  };
  const make = (name: string) => admin.post(base, { name, ...yearly });
  const ids = { off: '', gone: '', run: '' };
  const given = (part: keyof typeof ids) => async (): Promise<void> => {
    ids[part] = String((await make(`${part}-${round}`)).body['id']);
  };
  return [
    {
      what: 'schedule',
      about: 'worker',
      prepare: async () => {
        for (const { id } of (await admin.get<Listed[]>(base)).body) await admin.delete(`${base}/${id}`);
      },
      ask: () => make(round),
      seen: async () => (await admin.get<Listed[]>(base)).body.filter(({ name }) => name === round).length,
      after: 1,
    },
    {
      what: 'disable schedule',
      about: 'worker',
      prepare: given('off'),
      ask: () => admin.post(`${base}/${ids.off}/disable`),
      seen: async () => (await admin.get(`${base}/${ids.off}`)).body['enabled'],
      after: false,
    },
    {
      what: 'delete schedule',
      about: 'worker',
      prepare: given('gone'),
      ask: () => admin.delete(`${base}/${ids.gone}`),
      seen: async () => (await admin.get(`${base}/${ids.gone}`)).status,
      after: 404,
    },
    {
      what: 'run schedule',
      about: 'worker',
      prepare: given('run'),
      ask: () => admin.post(`${base}/${ids.run}/trigger`),
      // Run once, with its work done once and its true outcome; or never.
      seen: async () => {
        const runs = await admin.get<{ status: string; response: string }[]>(`${base}/${ids.run}/executions`);
        const { status, body } = await admin.get<string>('/api/agents/worker/files/download?path=runs.txt');
        const lines = (status === 200 ? body : '').split('\n').filter((line) => line === round);
        return { lines, runs: runs.body.map(({ status, response }) => ({ status, response })) };
      },
      after: { lines: [round], runs: [{ status: 'success', response: `ran-${round}` }] },
    },
  ];
}
