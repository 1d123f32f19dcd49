import type { Answer } from '../../support/trinity-client.js';
import type { CanaryRun } from './canary-run.js';

/** Secrets of the organisation and of a scope, with mistakes, and an agent that prints what it was given. */
export async function secrets(run: CanaryRun, agent: string): Promise<void> {
  const { organisation, scope, rejected } = run.planted;
  const { body } = await run.call('POST', '/api/v1/tokens', { label: agent });
  const hosted = run.as(String(body['token']));
  const call = (method: string, path: string, sent?: object): Promise<Answer> =>
    run.call(method, `/api/v1${path}`, sent, hosted);
  await call('PUT', '/secrets', { secrets: { OF_ORGANISATION: organisation.value } });
  const { body: made } = await call('POST', '/scopes', { name: agent });
  const at = `/scopes/${String(made['id'])}`;
  await call('PUT', `${at}/secrets`, { key: 'OF_SCOPE', value: scope.value });
  await call('PUT', `${at}/secrets`, { key: rejected.value, value: { secret: rejected.value } });
  await call('PUT', '/secrets', { key: 'PATH', value: rejected.value });
  await call('PUT', '/secrets', { secrets: { OF_ORGANISATION: `${rejected.value}\0` } });
  for (const path of ['/secrets', '/scopes', at, `${at}/secrets`, '/agents']) await call('GET', path);
  for (const group of [null, `'${agent}'`]) {
    const chosen = group === null ? 'null' : `(select id from agent_groups where name = ${group})`;
    await run.server.sql(`update agents set group_id = ${chosen} where slug = '${agent}'`);
    await run.call('POST', `/api/agents/${agent}/stop`);
    await run.call('POST', `/api/agents/${agent}/start`);
    if (!run.prints) continue;
    const message = 'print <<bash env; echo "it is $OF_ORGANISATION$OF_SCOPE">> <<say done>>';
    const printed = await run.call('POST', `/api/agents/${agent}/chat`, { message });
    if (printed.status !== 200) throw new Error(`printing answered ${JSON.stringify(printed.body)}`);
  }
}
