import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../support/until.js';
import type { Changes } from './change.js';
import { hostedAgents } from './changes.hostedagents.js';
import { changesOf } from './changes.js';
import type { ChildServer } from './child-server.js';
import { Ledger, type Operation } from './ledger.js';
import type { Random } from './random.js';

/** Agents that talk, one kind of turn each: a turn at a time, so they do not wait for each other. */
export const talkers = ['streamer', 'worker', 'approver', 'asker'] as const;
type Talker = (typeof talkers)[number];

/** Latest begin of an operation after the load began, in milliseconds. */
const latestBegin = 900;

const asks = new Set<string>(['approver', 'asker', 'hosted']);

/** What a round's turn says at its end if everything went well. */
export function expectedAnswer(talker: Talker, round: string): string {
  const end = `end-${round}`;
  if (talker === 'streamer') return `${Array.from({ length: 30 }, (_, n) => `tick ${n + 1} `).join('')}${end}`;
  return talker === 'asker' ? `Answer: A${end}` : end;
}

export function promptOf(talker: Talker, round: string): string {
  const end = `<<say end-${round}>>`;
  switch (talker) {
    case 'streamer':
      return `${round} <<slow 30 50>> ${end}`;
    case 'worker':
      return `${round} <<bash sleep 1; echo ${round} | tee -a lines.txt>> ${end}`;
    case 'approver':
      return `${round} <<bash echo ${round} | tee -a lines.txt>> ${end}`;
    case 'asker':
      return `${round} <<ask Which one? | A | B>> ${end}`;
  }
}

/** Makes the agents that all rounds share. */
export async function prepareWorld(server: ChildServer): Promise<void> {
  for (const name of [...talkers, ...hostedAgents, 'toggler', 'wanderer-0']) {
    const { status, body } = await server.admin.post('/api/agents', { name });
    if (status !== 200) throw new Error(`creating ${name}: ${status} ${JSON.stringify(body)}`);
    if (asks.has(name)) await server.admin.put(`/~console/agents/${name}/settings`, { approvals: 'ask' });
  }
}

/** One round of everything at once, against one server, until it is killed. */
export class Workload {
  readonly ledger = new Ledger();
  readonly changes: Changes;
  private readonly work: Promise<unknown>[] = [];
  private over = false;

  constructor(
    private readonly server: ChildServer,
    private readonly random: Random,
    readonly round: string,
    /** Name the wandering agent has now. */
    readonly wanderer: string,
    /** An agent that may go: what an earlier round made. */
    readonly victim: string,
  ) {
    this.changes = changesOf(server, round);
  }

  get newcomer(): string {
    return `newcomer-${this.round}`;
  }

  get renamed(): string {
    return `wanderer-${this.round}`;
  }

  /** What has to be there before the load begins. */
  async prepare(): Promise<void> {
    const { admin } = this.server;
    await Promise.all([
      admin.post('/api/agents', { name: this.victim }),
      admin.post(`/api/agents/${this.wanderer}/start`),
      admin.post(`/api/agents/toggler/${this.random.pick(['start', 'stop'])}`),
    ]);
    await this.changes.prepare();
  }

  begin(togglerRuns: boolean): void {
    const { admin } = this.server;
    for (const name of talkers) {
      const message = promptOf(name, this.round);
      this.soon('chat', name, () => admin.post(`/api/agents/${name}/chat`, { message }));
    }
    this.soon('create', this.newcomer, () => admin.post('/api/agents', { name: this.newcomer }));
    this.soon('delete', this.victim, () => admin.delete(`/api/agents/${this.victim}`));
    const toggle = togglerRuns ? 'stop' : 'start';
    this.soon(toggle, 'toggler', () => admin.post(`/api/agents/toggler/${toggle}`));
    const body = { new_name: this.renamed };
    this.soon('rename', this.wanderer, () => admin.put(`/api/agents/${this.wanderer}/rename`, body));
    for (const { what, about, ask } of this.changes.all) this.soon(what, about, ask);
    // In every other round nobody answers, so that approval and question are open at the kill.
    if (this.random.next() < 0.5) this.work.push(this.keepAnswering(this.random.whole(0, 2000)));
  }

  /** Waits for everything that was asked; what was cut by the kill has ended by itself. */
  async finish(): Promise<void> {
    this.over = true;
    await Promise.all(this.work);
  }

  /** Answers what is open now, once. Whom the changes answer is left to them while the load goes on. */
  async answerAll(over = true): Promise<void> {
    const { admin } = this.server;
    const open = async (kind: 'approvals' | 'questions'): Promise<{ id: string; agent: string }[]> => {
      const { status, body } = await admin.get<{ id: string; agent: string }[]>(`/~console/${kind}`);
      return status === 200 ? body.filter(({ agent }) => over || agent !== 'hosted') : [];
    };
    for (const { id } of await open('approvals')) {
      await this.ledger.run('answer', id, () => admin.post(`/~console/approvals/${id}/answer`, { decision: 'allow' }));
    }
    for (const { id } of await open('questions')) {
      const body = { answers: { question_0: ['A'] } };
      await this.ledger.run('answer', id, () => admin.post(`/~console/questions/${id}/answer`, body));
    }
  }

  private soon(what: string, about: string, call: Parameters<Ledger['run']>[2]): void {
    const after = this.random.whole(0, latestBegin);
    const begun = async (): Promise<Operation | null> => {
      await pause(after);
      return this.over || !this.server.running ? null : this.ledger.run(what, about, call);
    };
    this.work.push(begun());
  }

  private async keepAnswering(after: number): Promise<void> {
    await pause(after);
    await until(
      'the server is gone',
      async () => {
        if (this.over || !this.server.running) return true;
        await this.answerAll(false).catch(() => undefined);
        return false;
      },
      60_000,
    ).catch(() => undefined);
  }
}
