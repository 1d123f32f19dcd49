import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { namedIdOf, publicIdOf } from '../../src/dialects/hostedagents/words.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import { LoginTokens } from '../../src/core/accounts/login-tokens.js';
import { LinkAddresses } from '../../src/core/links/link-addresses.js';
import { User } from '../../src/core/accounts/user.entity.js';
import { type Call, callOf, encode } from './support/calls.js';
import { faultOf } from './support/envelope.js';
import { mark } from './support/hostile.js';
import { operationsOf, schemasOf } from './support/operations.js';
import { mounts as dialects } from './support/mounts.js';
import { newThing, place } from './support/things.js';
import { type Raw, Wire } from './support/wire.js';

const total = Number(process.env.FLOTILLA_FUZZ_CALLS ?? 2000);
/** Always the same calls here, so that a run repeats; `script/fuzz` draws a new seed each time. */
const seed = Number(process.env.FLOTILLA_FUZZ_SEED ?? 1582202393);
const batchSize = 100;
const atOnce = 8;
/** Real agents made, and real turns had: generated calls would make thousands. */
const mostCreated = Math.min(20, Math.ceil(total / 1000));
const mostTurns = Math.min(100, Math.ceil(total / 200));

const stopped = newThing('fuzz-stopped');
const moving = newThing('fuzz-moving');
const running = 'fuzz-running';

/** Answered when the agent has done its work, which may have to wait for other work. */
const working = new Set(['POST /api/agents/{name}/chat', 'POST /api/agents/{name}/task']);
const talking = new Set([...working, 'POST /agents/{name}/messages']);

/** Which agents an operation may be tried on without ending the run. Others: any of them. */
const victims: Readonly<Record<string, readonly string[]>> = {
  'POST /api/agents/{name}/start': [running],
  'POST /api/agents/{name}/stop': [stopped.slug],
  'DELETE /api/agents/{name}': ['fuzz-nobody'],
  'PUT /api/agents/{name}/rename': [moving.slug],
};

/** The same for agents by id. */
const nobody = '00000000-0000-4000-8000-000000000000';
const hostedVictims: Readonly<Record<string, readonly string[]>> = {
  'DELETE /api/v1/agents/{agentId}': [nobody],
  'POST /api/v1/agents/{agentId}/start': [nobody],
  'POST /api/v1/agents/{agentId}/stop': [stopped.agentId],
  'POST /api/v1/agents/{agentId}/restart': [nobody],
  'POST /api/v1/agents/{agentId}/messages': [stopped.agentId],
  'POST /api/v1/agents/{agentId}/abort': [stopped.agentId],
};

describe('any input', () => {
  let fleet: Fleet;
  let wire: Wire;
  let admin: User;
  let hosted = '';
  let runningId = '';
  let scopeId = '';
  let created = 0;
  let turns = 0;
  beforeAll(async () => {
    // Without a gateway the routes that give SSH access only say so.
    fleet = await bootFleet({ env: { FLOTILLA_SSH_PORT: '0' } });
    wire = new Wire(fleet.url);
    admin = await fleet.db.of(User).findOneByOrFail({ username: 'admin' });
    await fleet.givenUser('fuzz-user', { email: 'fuzz@example.com' });
    await place(fleet.db, stopped, admin, 'fuzz@example.com');
    await place(fleet.db, moving, admin, null);
    await fleet.givenAgent(running);
    await fleet.chat(running, 'begin <<write a.txt hi>>');
    hosted = (await fleet.hosted()).token ?? '';
    scopeId = String((await fleet.admin.as(hosted).post('/api/v1/scopes', { name: 'fuzz' })).body['id']);
    runningId = (await fleet.instanceOf(running)).agentId;
  }, 180_000);
  afterAll(async () => {
    wire.close();
    await fleet.close();
  });

  const capabilityOf = (name: string): string => {
    const addresses = fleet.app.get(LinkAddresses);
    const url = name.includes(' /a/') ? addresses.agentUrl(stopped.agentId) : addresses.sessionUrl(stopped.sessionId);
    return url.split('/').at(-1) ?? '';
  };

  const named = (name: string): Record<string, readonly string[]> => ({
    name: victims[name] ?? [running, stopped.slug, 'fuzz-nobody'],
    id: name.includes('/approvals')
      ? [stopped.approvalId]
      : name.includes('/questions')
        ? [stopped.questionId]
        : name.includes('/turns')
          ? [stopped.turnId]
          : [stopped.sessionId],
    toolId: [stopped.toolId],
    agentId: (hostedVictims[name] ?? [runningId, stopped.agentId]).map(publicIdOf),
    sessionId: [namedIdOf('session', stopped.sessionId)],
    permissionId: [namedIdOf('approval', stopped.approvalId)],
    questionId: [namedIdOf('question', stopped.questionId)],
    key: ['some.key', 'ops', 'KEPT'],
    scopeId: [name === 'DELETE /api/v1/scopes/{scopeId}' ? publicIdOf(stopped.groupId) : scopeId],
    capability: [capabilityOf(name)],
    username: ['fuzz-user', 'admin'],
  });

  it(
    `gets a proper answer (${total} calls, seed ${seed})`,
    async () => {
      const calls = Object.keys(dialects).flatMap((dialect) => {
        const resolve = schemasOf(fleet, dialect);
        return operationsOf(fleet, dialect).map((operation) => callOf(operation, resolve, named(operation.name)));
      });
      const any = fc.oneof(...calls);
      const faults = new Map<string, string>();
      const statuses = new Map<number, number>();
      const slowest: [number, string, string][] = [];
      let warm = 0;
      for (let done = 0; done < total; done += batchSize) {
        const batch = fc.sample(any, { seed: seed + done, numRuns: Math.min(batchSize, total - done) });
        await inParallel(batch, atOnce, async (call) => {
          const began = performance.now();
          const { fault, status } = await tried(call);
          slowest.push([Math.round(performance.now() - began), call.operation.name, new Date().toISOString()]);
          slowest.sort(([a], [b]) => b - a).splice(5);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (fault !== null && !faults.has(`${call.operation.name}: ${fault}`)) {
            faults.set(`${call.operation.name}: ${fault}`, describeCall(call));
            // A long run tells at once, so that nobody waits for its end.
            process.stderr.write(`fuzz: ${call.operation.name}: ${fault}\n${describeCall(call)}\n`);
          }
        });
        if (warm === 0 && done >= total / 4) warm = usedMemory();
        if ((done + batchSize) % 10_000 === 0)
          process.stderr.write(`fuzz: ${done + batchSize} of ${total}, ${faults.size} faults\n`);
      }
      const grown = (usedMemory() - warm) / 2 ** 20;
      const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
      console.log(
        `fuzz: ${total} calls, seed ${seed}; answers ${counts.join(', ')}; heap grew ${grown.toFixed(1)} MB;`,
        slowest,
      );
      expect(Object.fromEntries(faults)).toEqual({});
      // Not one answer in a hundred may stay in memory; the test's own bookkeeping is in it as well.
      expect(grown).toBeLessThan(64);
      // The run reached what it meant to reach.
      expect(statuses.get(200) ?? 0).toBeGreaterThan(total / 20);
      expect((statuses.get(422) ?? 0) + (statuses.get(400) ?? 0)).toBeGreaterThan(total / 20);
      expect((await fleet.chat(running, 'still there? <<say yes>>')).body).toMatchObject({
        response: expect.stringMatching(/yes$/) as string,
      });
    },
    Math.max(600_000, total * 60),
  );

  async function tried(generated: Call): Promise<{ fault: string | null; status: number }> {
    const call = tamed(generated);
    const { operation } = call;
    const mount = dialects[operation.dialect as keyof typeof dialects];
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encode(call.params[name] ?? '') || '%20');
    // A login of its own each time: one of the routes ends it. Most of the Hosted Agents API wants a token.
    const byToken = operation.dialect === 'hostedagents' && operation.permission !== 'account';
    const token = byToken ? hosted : fleet.app.get(LoginTokens).issue(admin).accessToken.reveal();
    let answer: Raw;
    try {
      answer = await wire.send({
        method: operation.method,
        path: mount + path + (call.query === '' ? '' : `?${call.query}`),
        headers: { ...call.headers, authorization: `Bearer ${token}` },
        body: call.body,
        ...(working.has(operation.name) ? { patience: 60_000 } : {}),
      });
    } catch (error) {
      return { fault: error instanceof Error ? error.message : String(error), status: 0 };
    }
    await settle(call, answer);
    return { fault: verdict(call, answer), status: answer.status };
  }

  /** Keeps the number of real agents and turns down. */
  function tamed(call: Call): Call {
    const { name } = call.operation;
    // A stream that goes on has no answer to judge.
    if (name.endsWith('/stream')) return { ...call, query: `${call.query}&follow=false`.replace(/^&/, '') };
    if (name === 'POST /api/agents' && created >= mostCreated && typeof call.body === 'string') {
      return {
        ...call,
        body: call.body.replace(/^\{/, '{"runtime":"none",').replace(/"runtime":(?!"none")/g, '"runtime_":'),
      };
    }
    if (name === 'POST /api/v1/agents' && created >= mostCreated && typeof call.body === 'string') {
      const body = call.body.replaceAll('"model":', '"model_":').replace(/^\{/, '{"model":"none/none",');
      return { ...call, body };
    }
    if (talking.has(name) && call.params['name'] === running && ++turns > mostTurns) {
      return { ...call, params: { ...call.params, name: stopped.slug } };
    }
    return call;
  }

  /** Undoes what a good call did. */
  async function settle({ operation }: Call, answer: Raw): Promise<void> {
    if (answer.status !== 200) return;
    if (operation.name === 'POST /api/agents') {
      created += 1;
      const { name } = JSON.parse(answer.text) as { name: string };
      await fleet.admin.delete(`/api/agents/${name}`);
    }
    if (operation.name === 'POST /api/v1/agents') {
      created += 1;
      const { agentId } = JSON.parse(answer.text) as { agentId: string };
      await fleet.admin.as(hosted).delete(`/api/v1/agents/${agentId}`);
    }
    if (operation.name === 'PUT /api/agents/{name}/rename') {
      await fleet.db.query('update agents set slug = $1 where id = $2', [moving.slug, moving.agentId]);
    }
  }
});

/** What is wrong with an answer; null: nothing. */
function verdict(call: Call, answer: Raw): string | null {
  const { operation } = call;
  const { status, text } = answer;
  // Documented: the agent is not running, or the server is stopping.
  const awake = status === 503 && text.includes('Agent is not running') && operation.statuses.includes(503);
  // The document asks for 502 where no question has the id (contract 5.4).
  const asked = status === 502 && text.includes('question_invalid') && operation.statuses.includes(502);
  if (status >= 500 && !awake && !asked) return `answered ${status} ${text.slice(0, 200)}`;
  const fault = faultOf(operation.dialect, answer);
  if (fault !== null) return fault;
  const given = `${call.query}${call.body === null ? '' : call.body.toString('utf8')}`;
  if (status >= 400 && given.includes(mark) && text.includes(mark))
    return `repeats what was sent: ${text.slice(0, 200)}`;
  return null;
}

const describeCall = ({ params, query, headers, body }: Call): string =>
  JSON.stringify({ params, query, headers, body: body?.toString('utf8') }).slice(0, 500);

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** Bytes in use after a collection. */
function usedMemory(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
