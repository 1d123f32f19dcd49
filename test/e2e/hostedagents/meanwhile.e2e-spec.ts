import { AgentUploads } from '../../../src/core/instances/agent-uploads.service.js';
import { EngineError } from '../../../src/core/instances/engine.errors.js';
import { InstanceControl } from '../../../src/core/instances/instance-control.service.js';
import { AgentStarts } from '../../../src/core/sessions/agent-starts.service.js';
import { ownIdOf } from '../../../src/dialects/hostedagents/words.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { SwitchableEngine } from '../../support/switchable-engine.js';
import type { Answer, TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

const agents = '/api/v1/agents';

/** An id means one agent for ever: also while names change, and when its container goes late. */
describe('an id', () => {
  let fleet: Fleet;
  let hosted: TrinityClient;
  let engine: SwitchableEngine;
  beforeAll(async () => {
    fleet = await bootFleet({
      engine: (config, installId) => (engine = new SwitchableEngine(config, installId)),
      env: { HOSTEDAGENTS_MAX_RUNNING: '1000' },
    });
    hosted = await fleet.hosted();
  });
  afterAll(() => fleet.close());
  afterEach(() => jest.restoreAllMocks());

  const given = async (): Promise<string> => String((await hosted.post(agents, { name: 'given' })).body['agentId']);
  const read = (id: string): Promise<Answer> => hosted.get(`${agents}/${id}`);
  const container = async (id: string) => {
    const [row] = await fleet.db.query<{ id: string }>('select id from instances where agent_id = $1', [ownIdOf(id)]);
    return row?.id ?? '';
  };
  /** Each takes the name of the other, as renames through another API would have it. */
  async function swapNames(first: string, second: string): Promise<void> {
    const ids = [ownIdOf(first), ownIdOf(second)];
    const [one, two] = await Promise.all(
      ids.map(async (id) => (await fleet.db.query<{ slug: string }>('select slug from agents where id = $1', [id]))[0]),
    );
    for (const [id, slug] of [
      [ids[0], 'between'],
      [ids[1], one?.slug],
      [ids[0], two?.slug],
    ]) {
      await fleet.db.query('update agents set slug = $2 where id = $1', [id, slug]);
    }
  }

  it('still means the same agent when another one takes its name: stopping', async () => {
    const [mine, other] = [await given(), await given()];
    const starts = fleet.app.get(AgentStarts);
    const real = starts.stop.bind(starts);
    jest.spyOn(starts, 'stop').mockImplementation(async (...asked) => {
      await swapNames(mine, other);
      return real(...asked);
    });
    const { status, body } = await hosted.post(`${agents}/${mine}/stop`);
    expect([status, body]).toEqual([200, { agentId: mine, status: 'STOPPED', stopped: true }]);
    expect((await read(mine)).body['status']).toBe('STOPPED');
    expect((await read(other)).body['status']).toBe('RUNNING');
  });

  it('still means the same agent when another one takes its name: files', async () => {
    const [mine, other] = [await given(), await given()];
    const uploads = fleet.app.get(AgentUploads);
    const real = uploads.store.bind(uploads);
    jest.spyOn(uploads, 'store').mockImplementation(async (...asked) => {
      await swapNames(mine, other);
      return real(...asked);
    });
    const form = new FormData();
    form.append('file', new Blob(['private']), 'mine.txt');
    const headers = { authorization: `Bearer ${hosted.token ?? ''}` };
    const sent = await fetch(`${fleet.url}${agents}/${mine}/files`, { method: 'POST', headers, body: form });
    expect(sent.status).toBe(200);
    const listed = async (id: string): Promise<unknown> => (await hosted.get(`${agents}/${id}/files`)).body['files'];
    expect(await listed(mine)).toMatchObject([{ name: 'mine.txt' }]);
    expect(await listed(other)).toEqual([]);
  });

  it('is gone as soon as a deletion is answered; a container that is not gone then goes later, however often that fails', async () => {
    const id = await given();
    const instance = await container(id);
    const control = fleet.app.get(InstanceControl);
    const cleared = control.cleared.bind(control);
    jest.spyOn(control, 'cleared').mockImplementation((which, seconds) => {
      expect(seconds).toBe(15);
      return cleared(which, 0.3);
    });
    let refuse = (): void => undefined;
    const refusal = new Promise<void>((_, reject) => (refuse = () => reject(new EngineError('refused', 'busy'))));
    const remove = jest.spyOn(engine, 'remove').mockReturnValueOnce(refusal);
    const { status, body } = await hosted.delete(`${agents}/${id}`);
    expect([status, body]).toEqual([200, { deleted: true }]);
    expect(remove).toHaveBeenCalledTimes(1);
    expect(await engine.inspect(instance)).not.toBeNull();
    expect((await read(id)).status).toBe(404);
    expect((await hosted.delete(`${agents}/${id}`)).status).toBe(404);
    // This attempt fails; the server makes another one by itself.
    refuse();
    await until('it is gone', async () => (await engine.inspect(instance)) === null);
    const volumes = await engine.listVolumes();
    expect(volumes.filter(({ instanceId }) => instanceId === instance)).toEqual([]);
  });
});
