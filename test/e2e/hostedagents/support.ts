import { publicIdOf } from '../../../src/dialects/hostedagents/words.js';
import type { Fleet } from '../../support/fleet.js';
import type { Answer, TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

/** A message as the API shows it, as far as tests look at it. */
export interface Shown {
  readonly id: string;
  readonly sessionId: string;
  readonly role: 'user' | 'assistant';
  readonly text: string;
  readonly createdAt: string;
  readonly completedAt: string | null;
  readonly info: Record<string, unknown>;
  readonly parts: (Record<string, unknown> & { readonly type: string })[];
}

export type Asked = Record<string, unknown> & { readonly id: string; readonly sessionId: string };

/** One agent, called over the Hosted Agents API. */
export class Talk {
  constructor(
    readonly hosted: TrinityClient,
    readonly agentId: string,
  ) {}

  /** A running agent of the administrator. */
  static async with(fleet: Fleet, name: string, approvals: 'ask' | 'auto' = 'auto'): Promise<Talk> {
    await fleet.givenAgent(name);
    if (approvals === 'ask') await fleet.admin.put(`/~console/agents/${name}/settings`, { approvals });
    const { agentId } = await fleet.instanceOf(name);
    return new Talk(await fleet.hosted(), publicIdOf(agentId));
  }

  path(rest = ''): string {
    return `/api/v1/agents/${this.agentId}${rest}`;
  }

  get<T = Record<string, unknown>>(rest = ''): Promise<Answer<T>> {
    return this.hosted.get<T>(this.path(rest));
  }

  post<T = Record<string, unknown>>(rest: string, body?: object): Promise<Answer<T>> {
    return this.hosted.post<T>(this.path(rest), body);
  }

  /** Id of the session the message went to. */
  async say(message: string, sessionId?: string): Promise<string> {
    const { status, body } = await this.post('/messages', { message, ...(sessionId ? { sessionId } : {}) });
    if (status !== 200) throw new Error(`sending answered ${status} ${JSON.stringify(body)}`);
    return String(body['sessionId']);
  }

  async busy(): Promise<boolean> {
    return (await this.get()).body['busy'] === true;
  }

  idle(): Promise<boolean> {
    return until('the agent is idle', async () => !(await this.busy()), 60_000);
  }

  async messages(query = ''): Promise<Shown[]> {
    return (await this.get<{ messages: Shown[] }>(`/messages${query}`)).body.messages;
  }

  async pending(kind: 'permissions' | 'questions'): Promise<Asked[]> {
    return (await this.get<Record<string, Asked[]>>(`/${kind}`)).body[kind] ?? [];
  }

  /** The first `count` that wait, once so many do. */
  asked(kind: 'permissions' | 'questions', count = 1): Promise<Asked[]> {
    return until(
      `${count} of the ${kind} wait`,
      async () => {
        const found = await this.pending(kind);
        return found.length >= count && found;
      },
      60_000,
    );
  }
}
