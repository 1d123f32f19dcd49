import { AbleEngine } from '../../support/able-engine.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { text } from '../../support/trinity-shapes.js';

interface FoldersAnswer {
  readonly restart_required: boolean;
  readonly consumed_folders: { readonly source_agent: string; readonly currently_mounted: boolean }[];
}

describe('shared folders', () => {
  let fleet: Fleet;
  let ada: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet({ engine: (config, installId) => new AbleEngine(config, installId) });
    ada = await fleet.givenUser('ada', { email: 'ada@example.com' });
    for (const name of ['writer', 'reader']) await fleet.givenAgent(name, {}, ada);
    await fleet.givenAgent('foreign');
  });
  afterAll(() => fleet.close());

  const folders = async (name: string): Promise<FoldersAnswer> =>
    (await ada.get<FoldersAnswer>(`/api/agents/${name}/folders`)).body;
  const set = (name: string, flags: object) => ada.put(`/api/agents/${name}/folders`, flags);
  const start = async (name: string): Promise<string | null> => {
    expect((await ada.post(`/api/agents/${name}/start`)).status).toBe(200);
    return (await fleet.instanceOf(name)).ref;
  };
  const sources = async (name: string): Promise<unknown> =>
    (await folders(name)).consumed_folders.map((one) => [one.source_agent, one.currently_mounted]);

  it('are none at first', async () => {
    const { status, body } = await ada.get('/api/agents/writer/folders');
    const none = {
      agent_name: 'writer',
      expose_enabled: false,
      consume_enabled: false,
      exposed_volume: null,
      exposed_path: '/home/developer/shared-out',
      consumed_folders: [],
      restart_required: false,
      status: 'running',
    };
    expect([status, body]).toEqual([200, none]);
    expect((await ada.get('/api/agents/writer/folders/available')).body).toEqual({
      agent_name: 'writer',
      available_folders: [],
      count: 0,
    });
    const consumers = await ada.get('/api/agents/writer/folders/consumers');
    expect(consumers.body).toEqual({ source_agent: 'writer', consumers: [], count: 0 });
  });

  it.each([
    [{ expose_enabled: 'yes' }, 400],
    [{ consume_enabled: 1 }, 400],
    [[], 422],
    [{ expose_enabled: null, consume_enabled: null, more: 1 }, 200],
    [{}, 200],
  ])('%j answers %i and changes nothing', async (flags, status) => {
    expect((await set('writer', flags)).status).toBe(status);
    expect(await folders('writer')).toMatchObject({ expose_enabled: false, consume_enabled: false });
  });

  it('are applied when a running agent is started again: its container is made anew, and it remembers everything', async () => {
    expect((await fleet.chat('writer', '<<write kept.txt hi>> <<say one>>', ada)).body['response']).toBe('one');
    const before = await fleet.instanceOf('writer');
    const answer = await set('writer', { expose_enabled: true });
    const asked = { expose_enabled: true, consume_enabled: false, restart_required: true };
    expect([answer.status, answer.body]).toEqual([
      200,
      { status: 'updated', agent_name: 'writer', ...asked, message: text },
    ]);
    expect(await folders('writer')).toMatchObject({ restart_required: true, exposed_volume: text });

    expect(await start('writer')).not.toBe(before.ref);
    expect(await folders('writer')).toMatchObject({ restart_required: false });
    const again = await fleet.instanceOf('writer');
    expect(again.made?.layout).toEqual({ shared: [{ owner: again.id, path: 'shared-out' }], writable: null });
    expect((await ada.get('/api/agents/writer/files/download?path=kept.txt')).body).toBe('hi\n');
    expect((await fleet.chat('writer', '<<say two>>', ada)).body['response']).toBe('two');
    const { body: history } = await ada.get<object[]>('/api/agents/writer/chat/history');
    expect(history).toHaveLength(4);
  });

  it('leave a container alone that has what is stored', async () => {
    const { ref, startedAt } = await fleet.instanceOf('writer');
    expect(await start('writer')).toBe(ref);
    expect((await set('writer', { expose_enabled: true })).status).toBe(200);
    expect(await start('writer')).toBe(ref);
    const now = await fleet.instanceOf('writer');
    expect([now.startedAt, now.renewAt]).toEqual([startedAt, null]);
  });

  it('reach those who want them and may call their agent', async () => {
    const folder = { source_agent: 'writer', mount_path: '/home/developer/shared-in/writer' };
    const { body } = await ada.get('/api/agents/reader/folders/available');
    const available = [{ ...folder, volume_name: text, source_status: 'running' }];
    expect(body).toEqual({ agent_name: 'reader', available_folders: available, count: 1 });
    await set('reader', { consume_enabled: true });
    expect(await folders('reader')).toMatchObject({
      restart_required: true,
      consumed_folders: [{ ...folder, access_mode: 'rw', currently_mounted: false }],
    });
    await start('reader');
    expect(await sources('reader')).toEqual([['writer', true]]);
    expect((await ada.get('/api/agents/writer/folders/consumers')).body).toEqual({
      source_agent: 'writer',
      consumers: [{ agent_name: 'reader', mount_path: '/home/developer/shared-in/writer', status: 'running' }],
      count: 1,
    });
  });

  it('follow a rename at the next start', async () => {
    await ada.put('/api/agents/writer/rename', { new_name: 'author' });
    expect(await sources('reader')).toEqual([['author', false]]);
    expect(await folders('reader')).toMatchObject({ restart_required: true });
    await start('reader');
    expect(await sources('reader')).toEqual([['author', true]]);
    expect(await folders('author')).toMatchObject({ restart_required: false, expose_enabled: true });
  });

  it('end with the permission', async () => {
    await ada.delete('/api/agents/reader/permissions/author');
    expect(await folders('reader')).toMatchObject({ restart_required: true, consumed_folders: [] });
    expect((await ada.get('/api/agents/author/folders/consumers')).body['count']).toBe(0);
    await start('reader');
    expect((await fleet.instanceOf('reader')).made?.layout.shared).toEqual([]);
    await ada.post('/api/agents/reader/permissions/author');
    await start('reader');
    expect(await sources('reader')).toEqual([['author', true]]);
  });

  it('of a stopped agent are applied by its start', async () => {
    await ada.post('/api/agents/reader/stop');
    const { ref } = await fleet.instanceOf('reader');
    await set('reader', { consume_enabled: false });
    expect(await folders('reader')).toMatchObject({ restart_required: true, status: 'stopped' });
    expect(await start('reader')).not.toBe(ref);
    expect(await folders('reader')).toMatchObject({ restart_required: false });
    await set('reader', { consume_enabled: true });
    await start('reader');
  });

  it('are those of agents the owner can reach, and nobody else decides', async () => {
    await fleet.admin.put('/api/agents/foreign/folders', { expose_enabled: true });
    expect(await sources('reader')).toEqual([['author', true]]);
    const bob = await fleet.givenUser('bob');
    expect((await bob.get('/api/agents/author/folders')).status).toBe(403);
    expect((await bob.put('/api/agents/author/folders', { expose_enabled: 'x' })).status).toBe(403);
    expect((await ada.put('/api/agents/nobody/folders', { expose_enabled: 'x' })).status).toBe(404);
  });

  it('go with their agent', async () => {
    expect((await ada.delete('/api/agents/author')).status).toBe(200);
    expect(await folders('reader')).toMatchObject({ restart_required: true, consumed_folders: [] });
    await start('reader');
    expect(await folders('reader')).toMatchObject({ restart_required: false });
  });
});

describe('shared folders on an engine that has none', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet();
    await fleet.givenAgent('plain');
  });
  afterAll(() => fleet.close());

  it('are refused with what to do instead', async () => {
    const put = (flags: object) => fleet.admin.put('/api/agents/plain/folders', flags);
    const refused = await put({ expose_enabled: true });
    expect([refused.status, refused.body]).toEqual([
      400,
      { detail: expect.stringContaining('FLOTILLA_ENGINE=docker') },
    ]);
    expect((await put({ expose_enabled: false, consume_enabled: false })).status).toBe(200);
    expect((await fleet.admin.get('/api/agents/plain/folders')).body['restart_required']).toBe(false);
  });
});
