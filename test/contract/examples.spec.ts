import { OpenApiDocuments } from '../../src/platform/openapi/documents.js';
import { LoginTokens } from '../../src/core/accounts/login-tokens.js';
import { User } from '../../src/core/accounts/user.entity.js';
import { newThing, place } from '../security/support/things.js';
import { AbleEngine } from '../support/able-engine.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import { PageSamples } from './page-samples.js';

const dialects = { trinity: '/~trinity', console: '/~console' } as const;
const thing = newThing('documented');

/** What ends the agent or its name for the others, so it comes last and in this order. */
const last = ['POST /api/agents/{name}/stop', 'PUT /api/agents/{name}/rename', 'DELETE /api/agents/{name}'];

/** Where an example cannot be good in every state of an installation: what it is answered here, and why. */
const otherwise: Readonly<Record<string, readonly [status: number, why: string]>> = {
  'GET /api/templates/{owner}/{repository}': [500, 'there is no git host'],
  'POST /token': [401, 'the password here is another'],
  'POST /api/token': [401, 'the password here is another'],
  'POST /api/setup/admin-password': [403, 'it is set up'],
  'POST /api/auth/email/verify': [401, 'the code was sent to nobody'],
  'PUT /api/users/me/email': [400, 'the code was sent to nobody'],
  'POST /api/mcp/validate': [401, 'a login is no key'],
  'POST /api/agents': [409, 'there is one called hello'],
  'POST /api/agents/{name}/schedules/{id}/trigger': [503, 'its agent does not run'],
  'POST /approvals/{id}/answer': [409, 'its agent does not run'],
  'POST /questions/{id}/answer': [400, 'another question was asked'],
};

/** Everything that Swagger's page fills in by itself is sent as it stands there, to an agent called `hello`. */
describe.each(Object.entries(dialects))('what the page of %s fills in', (dialect, mount) => {
  let fleet: Fleet;
  let admin: User;
  let keyId: string;
  beforeAll(async () => {
    fleet = await bootFleet({
      engine: (config, installId) => new AbleEngine(config, installId),
      env: { FLOTILLA_SSH_PORT: '0', FLOTILLA_GITHUB_URL: 'http://127.0.0.1:9' },
    });
    admin = await fleet.db.of(User).findOneByOrFail({ username: 'admin' });
    await place(fleet.db, thing, admin, null);
    await fleet.givenAgent('hello');
    await fleet.givenAgent('writer');
    await fleet.givenUser('ada');
    keyId = String((await fleet.admin.post('/api/mcp/keys', { name: 'documented' })).body['id']);
    await fleet.chat('hello', '<<write hello.txt hi>><<write notes/hello.txt hi>>');
  }, 180_000);
  afterAll(() => fleet.close());

  const ids = (path: string): Readonly<Record<string, string>> => ({
    name: /\{(id|executionId|toolId)\}/.test(path) ? thing.slug : 'hello',
    id: path.startsWith('/approvals')
      ? thing.approvalId
      : path.startsWith('/questions')
        ? thing.questionId
        : path.startsWith('/turns')
          ? thing.turnId
          : path.includes('/keys/')
            ? keyId
            : path.includes('/schedules/')
              ? thing.scheduleId
              : path.includes('/executions/')
                ? thing.executionId
                : path.includes('/ssh-credentials/')
                  ? thing.sshCredentialId
                  : thing.sessionId,
    toolId: thing.toolId,
  });

  it('is taken', async () => {
    const samples = new PageSamples(fleet.app.get(OpenApiDocuments).of(dialect), mount);
    const all = samples.operations();
    const rank = ({ name, verb }: (typeof all)[number]): number =>
      last.includes(name) ? 9 + last.indexOf(name) : ['post', 'put', 'patch', 'get', 'delete'].indexOf(verb);
    const refused: string[] = [];
    for (const { name, verb, path, operation } of all.sort((a, b) => rank(a) - rank(b))) {
      for (const { path: address, type, body } of samples.of(
        path,
        operation,
        path.startsWith('/api/templates/') ? {} : ids(path),
      )) {
        // A login of its own each time: one of them ends it.
        const token = fleet.app.get(LoginTokens).issue(admin).accessToken.reveal();
        const headers = { authorization: `Bearer ${token}`, ...(type === null ? {} : { 'content-type': type }) };
        const once = /\/stream$/.test(path) ? `${address}?follow=false` : address;
        const answer = await fetch(fleet.url + once, {
          method: verb.toUpperCase(),
          headers,
          ...(body === undefined ? {} : { body }),
        });
        const words = (await answer.text()).slice(0, 160);
        if (last[1] === name)
          await fleet.db.query(`update agents set slug = 'hello' where slug = $1`, [
            JSON.parse(typeof body === 'string' ? body : '{}').new_name,
          ]);
        const [expected] = otherwise[name] ?? [];
        if (!answer.ok && answer.status !== expected) {
          refused.push(`${name} ${typeof body === 'string' ? body : ''}: ${answer.status} ${words}`);
        }
      }
    }
    expect(refused).toEqual([]);
  }, 300_000);
});
