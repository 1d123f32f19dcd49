import { randomUUID } from 'node:crypto';
import { OpenApiDocuments } from '../../src/platform/openapi/documents.js';
import { Talk } from '../e2e/hostedagents/support.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import { PageSamples } from './page-samples.js';

/** What ends the agent for the others comes last, in this order. */
const last = ['POST /api/v1/agents/{agentId}/stop', 'DELETE /api/v1/agents/{agentId}'];

/** Everything that Swagger's page fills in by itself, sent as it stands there: only ids are those of this installation. */
describe('what the page of the Hosted Agents API fills in', () => {
  let fleet: Fleet;
  let talk: Talk;
  beforeAll(async () => {
    fleet = await bootFleet();
    talk = await Talk.with(fleet, 'hello', 'ask');
  }, 120_000);
  afterAll(() => fleet.close());

  const idOf = (body: unknown): string => String((body as { id?: unknown }).id);
  /** A scope with the secret that examples speak of; whoever changes a scope has the one that the page's example made. */
  async function scopeFor(name: string): Promise<string> {
    if (name.startsWith('PATCH ')) {
      const { body } = await talk.hosted.get<{ scopes: { id: string; name: string }[] }>('/api/v1/scopes');
      return body.scopes.find((scope) => scope.name === 'production')?.id ?? '';
    }
    const id = idOf((await talk.hosted.post('/api/v1/scopes', { name: randomUUID() })).body);
    await talk.hosted.put(`/api/v1/scopes/${id}/secrets`, { key: 'DATABASE_URL', value: 'x' });
    return id;
  }
  /** Something that waits for an answer, and nothing else that does. */
  async function waiting(kind: 'permissions' | 'questions', step: string): Promise<string> {
    await talk.post('/abort');
    await talk.idle();
    await talk.say(step);
    return (await talk.asked(kind))[0]?.id ?? '';
  }
  async function ids(name: string): Promise<Record<string, string>> {
    const { agentId } = talk;
    if (name.includes('{scopeId}')) return { scopeId: await scopeFor(name) };
    if (name.includes('{tokenId}'))
      return { tokenId: idOf((await fleet.admin.post('/api/v1/tokens', { label: 'x' })).body) };
    if (name.includes('{sessionId}')) return { agentId, sessionId: idOf((await talk.post('/sessions')).body) };
    if (name.includes('{permissionId}'))
      return { agentId, permissionId: await waiting('permissions', '<<write a.txt hi>>') };
    if (name.includes('{questionId}'))
      return { agentId, questionId: await waiting('questions', '<<ask Which database? | SQLite | PostgreSQL>>') };
    return { agentId };
  }

  it('is taken', async () => {
    const samples = new PageSamples(fleet.app.get(OpenApiDocuments).of('hostedagents'), '/~hostedagents');
    const rank = ({ name, verb }: { name: string; verb: string }): number =>
      last.includes(name) ? 9 + last.indexOf(name) : ['post', 'put', 'patch', 'get', 'delete'].indexOf(verb);
    const operations = samples.operations().sort((a, b) => rank(a) - rank(b));
    expect(operations.length).toBeGreaterThan(35);
    const refused: string[] = [];
    for (const { name, verb, path, operation } of operations) {
      const count = samples.of(path, operation, {}).length;
      for (let index = 0; index < count; index += 1) {
        const one = samples.of(path, operation, await ids(name))[index];
        if (!one) continue;
        const { token } = path.startsWith('/api/v1/tokens') ? fleet.admin : talk.hosted;
        const answer = await fetch(fleet.url + one.path, {
          method: verb.toUpperCase(),
          headers: {
            authorization: `Bearer ${token ?? ''}`,
            ...(one.type === null ? {} : { 'content-type': one.type }),
          },
          ...(one.body === undefined ? {} : { body: one.body }),
        });
        const words = (await answer.text()).slice(0, 200);
        if (!answer.ok) refused.push(`${name} ${JSON.stringify(one.body ?? null)}: ${answer.status} ${words}`);
      }
    }
    expect(refused).toEqual([]);
  }, 300_000);
});
