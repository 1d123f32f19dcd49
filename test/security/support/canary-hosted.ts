import type { Answer } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';
import type { CanaryRun } from './canary-run.js';

interface Made {
  readonly agentId: string;
  readonly url: string;
  readonly sessions: readonly { readonly url: string }[];
}

/** Where hidden instructions may be: in the agent's own file beside its home. */
export const hiddenPlace = /^hidden instructions \(.+\) in file local\/[^/]+\/tmp\/flotilla-context\/instructions\.md$/;

/** An agent with hidden instructions, and what people do who have no more than the addresses of its pages. */
export async function hostedAgent(run: CanaryRun, name: string): Promise<void> {
  const { hidden, rejected } = run.planted;
  const { body } = await run.call('POST', '/api/v1/tokens', { label: `for ${name}` });
  const hosted = run.as(String(body['token']));
  const call = (method: string, path: string, sent?: object): Promise<Answer> =>
    run.call(method, `/api/v1${path}`, sent, hosted);

  await call('POST', '/agents', { name: '', hiddenPrompt: rejected.value });
  await call('POST', '/agents', { name, hiddenPrompt: [rejected.value] });
  await call('POST', '/agents', { name, hiddenPrompt: rejected.value, scope: 'no such scope' });
  const wish = { name, initialPrompt: 'begin <<bash id>> <<say hi>>', hiddenPrompt: hidden.value };
  const made = (await call('POST', '/agents', wish)).body as unknown as Made;
  const at = `/agents/${made.agentId}`;
  const [session] = made.sessions;
  const pages = [made.url, session?.url ?? ''].map((url) => new URL(url).pathname);
  // What follows the id in an address is what nobody else can make.
  for (const page of pages) run.plant('address of a page', (page.split('/').at(-1) ?? '').slice(24));

  const [agentPage = '', page = ''] = pages;
  const visit = (method: string, path: string, sent?: object): Promise<Answer> =>
    run.call(method, path, sent, run.as(null));
  await until('it asks', async () => {
    const { permissions } = (await call('GET', `${at}/permissions`)).body as { permissions: { id: string }[] };
    const [asked] = permissions;
    if (asked) await call('POST', `${at}/permissions/${asked.id}/reply`, { reply: 'always' });
    return asked !== undefined;
  });
  const idle = (): Promise<boolean> =>
    until('it is idle', async () => (await call('GET', at)).body['busy'] === false, 60_000);
  await idle();
  for (const path of [agentPage, `${agentPage}/state`, page, `${page}/state`, `${page}/messages`]) {
    await visit('GET', path);
  }
  await visit('POST', `${page}/messages`, { message: 'more <<say more>>' });
  await visit('POST', `${page}/messages`, {});
  await visit('POST', `${page}/approvals/none`, { decision: 'allow' });
  await visit('POST', `${page}/stop`);
  await visit('GET', `${page}/stream?follow=false`);
  await visit('GET', `${page}x/state`);
  await visit('GET', `${page}/files`);
  for (const rest of ['', '/messages', '/sessions', '/usage', '/permissions', '/questions', '/files']) {
    await call('GET', at + rest);
  }
  await call('GET', '/agents');
  await call('PATCH', at, { model: rejected.value });
  await call('POST', `${at}/restart`);
  await call('POST', `${at}/stop`);
  await visit('GET', `${page}/state`);
  await call('POST', `${at}/start`);
  await call('POST', `${at}/messages`, { message: 'again <<say again>>' });
  await idle();
}
