import type { LaunchContext } from '../../../src/core/runtimes/runtime.port.js';
import { publicIdOf } from '../../../src/dialects/hostedagents/words.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { scriptedRuntime } from '../../support/scripted-adapter.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { Talk } from './support.js';

const agents = '/api/v1/agents';

/** What is shown as the default is what is used (contract 2.1, 2.3, 2.4). */
describe('the model nobody named', () => {
  let fleet: Fleet;
  let hosted: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet({
      env: {
        HOSTEDAGENTS_MODELS: 'anthropic/claude-opus-4-6,openai/gpt-6',
        ANTHROPIC_API_KEY: 'sk-never-called',
        FLOTILLA_DEFAULT_MODEL: 'something-else',
      },
    });
    hosted = await fleet.hosted();
  });
  afterAll(() => fleet.close());
  afterEach(() => jest.restoreAllMocks());

  const standard = 'anthropic/claude-opus-4-6';
  let launches: LaunchContext[];
  beforeEach(() => {
    launches = [];
    const real = scriptedRuntime.launch.bind(scriptedRuntime);
    jest.spyOn(scriptedRuntime, 'launch').mockImplementation((context) => {
      launches.push(context);
      return real(context);
    });
  });
  const used = (): unknown => {
    const last = launches.at(-1);
    return last && [last.endpoint.provider, last.model];
  };
  async function answered(talk: Talk): Promise<unknown> {
    const sessionId = await talk.say('<<say hi>>');
    await talk.idle();
    const answer = (await talk.messages(`?sessionId=${sessionId}`)).at(-1);
    return [answer?.info['providerID'], answer?.info['modelID']];
  }

  it('is the one that is shown as the default, at creation and when another one is given up', async () => {
    const { body } = await hosted.post(agents, { name: 'plain', model: null });
    expect(body['model']).toBe(standard);
    const talk = new Talk(hosted, String(body['agentId']));
    expect(await answered(talk)).toEqual(['anthropic', 'claude-opus-4-6']);
    expect(used()).toEqual(['anthropic', 'claude-opus-4-6']);
    expect((await hosted.patch(talk.path(), { model: 'openai/gpt-6' })).body['model']).toBe('openai/gpt-6');
    await talk.post('/restart');
    expect(await answered(talk)).toEqual(['openai', 'gpt-6']);
    expect(used()).toEqual(['openai', 'gpt-6']);
    expect((await hosted.patch(talk.path(), { model: null })).body['model']).toBe(standard);
    await talk.post('/restart');
    expect(await answered(talk)).toEqual(['anthropic', 'claude-opus-4-6']);
    expect(used()).toEqual(['anthropic', 'claude-opus-4-6']);
  });

  it('of an agent that another API made is what its runtime takes by itself', async () => {
    await fleet.givenAgent('theirs');
    const talk = new Talk(hosted, publicIdOf((await fleet.instanceOf('theirs')).agentId));
    expect((await talk.get()).body['model']).toBe('openai/something-else');
    expect(await answered(talk)).toEqual(['openai', 'something-else']);
    expect(used()).toEqual(['openai', null]);
    expect(launches.at(-1)?.endpoint.defaultModel).toBe('something-else');
  });
});
