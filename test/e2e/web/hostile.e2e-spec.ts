import type { Browser, Page } from 'playwright-core';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { inBrowser, logLine, openBrowser, signIn, watchedPage } from './browser.js';
import { payloads } from './payloads.js';

const all = payloads.join('\n');
/** As an argument of a scripted step, and as one of a shell. */
const step = (text: string): string => text.replaceAll('>', '\\>');
const quoted = (text: string): string => step(`'${text.replaceAll("'", `'\\''`)}'`);
/** No file's name holds a slash. */
const names = payloads.map((one) => one.replaceAll('/', '∕'));

// Runs in the browser: what a text must never have become.
const came = `({
  hacked: window.hacked,
  elements: [...document.querySelectorAll(
    'script:not([src^="/assets/"]), iframe, object, embed, base, meta[http-equiv], style:not([data-vite]), #main img, form[action]'
  )].map((one) => one.outerHTML.slice(0, 200)),
  handlers: [...document.querySelectorAll('*')].flatMap((one) => [...one.attributes]
    .filter(({ name, value }) => /^on/i.test(name) || /^\\s*(javascript|data|vbscript):/i.test(value))
    .map(({ name, value }) => name + '=' + value)),
  links: [...document.links].filter(({ protocol }) => !/^(https?|mailto):$/.test(protocol)).map(({ href }) => href),
})`;

inBrowser(`${payloads.length} hostile texts in Chromium`, () => {
  let fleet: Fleet;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let asked: string[];
  beforeAll(async () => {
    [fleet, browser] = await Promise.all([bootFleet(), openBrowser()]);
    await fleet.givenAgent('evil');
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await fleet.close();
  });
  beforeEach(async () => {
    ({ page, complaints } = await watchedPage(browser));
    asked = [];
    page.on('dialog', (dialog) => void asked.push(dialog.message()));
    page.on('popup', (popup) => void asked.push(popup.url()));
    page.on('request', (request) => {
      if (!request.url().startsWith(fleet.url)) asked.push(request.url());
    });
  });
  afterEach(async () => {
    // The content policy complains about whatever was about to run: nothing was.
    expect(await page.evaluate(came)).toEqual({ hacked: undefined, elements: [], handlers: [], links: [] });
    await page.close();
    expect(asked).toEqual([]);
    expect(complaints).toEqual([]);
  });
  const open = (where: string): Promise<void> => signIn(page, `${fleet.url}/#/${where}`);

  it('are words when an agent says them, as Markdown, and when a person does', async () => {
    await open('agents/evil');
    const message = page.getByLabel('Message to evil');
    // A tool between two texts makes them messages of their own.
    await message.fill(`${payloads.map((one) => `<<say ${step(one)}>><<bash true>>`).join('')}<<say the end>>`);
    await message.press('Enter');
    await page.locator('.message.agent', { hasText: 'the end' }).waitFor();
    await page.locator('.message.agent', { hasText: 'window.hacked=1' }).first().waitFor();
    await message.fill(`${all}\n<<say read>>`);
    await message.press('Enter');
    await page.locator('.message.agent', { hasText: 'read' }).waitFor();
  });

  it('are words in the names, inputs and outputs of tools, and in changes of files', async () => {
    const tools = payloads.map((one) => `<<bash printf '%s\\n' ${quoted(one)}>>`).join('');
    await fleet.chat('evil', `${tools}<<write x.html ${step(all)}>><<say shown>>`);
    await open('agents/evil');
    await page.locator('.message.agent', { hasText: 'shown' }).waitFor();
    await page.evaluate(`document.querySelectorAll('details').forEach((one) => { one.open = true; })`);
    await page.locator('details.tool pre', { hasText: 'parent.hacked=1' }).first().waitFor();
    await page.locator('.diff', { hasText: 'evil.invalid' }).first().waitFor();
  });

  it('are words in approvals and questions, in the conversation and in the inbox', async () => {
    await fleet.admin.put('/~console/agents/evil/settings', { approvals: 'ask' });
    const text = payloads[0] ?? '';
    const options = payloads.filter((one) => !one.includes('|')).slice(0, 8);
    const asks = `<<bash printf '%s' ${quoted(all)}>><<ask ${[text, ...options].map(step).join(' | ')}>>`;
    await fleet.admin.post('/~console/agents/evil/messages', { message: asks });
    await open('agents/evil');
    await page.getByRole('region', { name: /^Approval/ }).waitFor();
    expect(await page.evaluate(came)).toEqual({ hacked: undefined, elements: [], handlers: [], links: [] });
    await page.goto(`${fleet.url}/#/inbox`);
    await page
      .getByRole('region', { name: /^Approval/ })
      .getByText('window.hacked=1')
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Always allow' }).click();
    await page.getByRole('region', { name: /^Question/ }).waitFor();
    expect(await page.evaluate(came)).toEqual({ hacked: undefined, elements: [], handlers: [], links: [] });
    await page.getByRole('button', { name: 'Answer', exact: true }).waitFor();
    await page.locator('.request input[type=radio]').first().check();
    await page.getByRole('button', { name: 'Answer', exact: true }).click();
    await page.getByText('Nothing waits for you').waitFor();
    await page.goto(`${fleet.url}/#/agents/evil/settings`);
    await page.getByText(/^Always allowed/).click();
    await fleet.admin.put('/~console/agents/evil/settings', { approvals: 'auto' });
  });

  it('are words in names and contents of files', async () => {
    await fleet.chat('evil', `<<bash touch -- ${names.map(quoted).join(' ')}>>`);
    await open('agents/evil/files');
    const tree = page.getByRole('list', { name: 'Files of evil' });
    await tree.getByText('<img src=x onerror=window.hacked=1>').first().waitFor();
    expect(await tree.getByRole('button').count()).toBeGreaterThanOrEqual(new Set(names).size);
    await tree.getByText('<svg onload=window.hacked=1>').click();
    await page.getByRole('region', { name: '<svg onload=window.hacked=1>' }).getByText('It is empty.').waitFor();
    await tree.getByText('x.html').click();
    await page.getByRole('region', { name: 'x.html' }).getByText('parent.hacked=1').first().waitFor();
  });

  it('are words in logs and in the terminal', async () => {
    await logLine(fleet, 'evil', all);
    await open('agents/evil/logs');
    await page.getByLabel('Logs of evil').getByText('<svg onload=window.hacked=1>').first().waitFor();
    await page.getByLabel('Find in logs').fill('<script');
    await page.getByLabel('Logs of evil').getByText('window.hacked=1').first().waitFor();
    await page.goto(`${fleet.url}/#/agents/evil/terminal`);
    await page.getByText('Connected', { exact: true }).waitFor();
    // A title and a link that a program sets are the terminal's own ways to bring something in.
    await page.keyboard.type(
      `printf '\\033]0;<img src=x onerror=window.hacked=1>\\007\\033]8;;javascript:window.hacked=1\\007link\\033]8;;\\007'; cat x.html\n`,
    );
    await page.getByRole('group', { name: 'Terminal in evil' }).getByText('window.hacked=1').first().waitFor();
  });

  it('are words in schedules and their runs', async () => {
    for (const one of payloads) {
      const schedule = { name: one, message: one, description: one, cron_expression: '0 9 * * *' };
      const { status } = await fleet.admin.post('/api/agents/evil/schedules', schedule);
      expect([one, status]).toEqual([one, 201]);
    }
    await open('agents/evil/schedules');
    const row = page.locator('.schedule').filter({ hasText: '<svg onload=window.hacked=1>' });
    await row.getByRole('button', { name: 'Run now' }).click();
    await page.locator('.run-status', { hasText: 'success' }).waitFor();
    await row.getByRole('button', { name: /^Change/ }).click();
    await page.getByRole('dialog').getByLabel('Message to the agent').waitFor();
  });

  it('are words in names, owners, tags, reasons and addresses, should the server ever let them through', async () => {
    const rewrite = (pattern: string, change: (body: never) => unknown): Promise<unknown> =>
      page.route(pattern, async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, json: change((await answer.json()) as never) });
      });
    await rewrite('**/~console/fleet', ([agent]: [object]) =>
      payloads.map((one, index) => ({
        ...agent,
        name: index === 0 ? 'evil' : one,
        owner: one,
        tags: [one],
        runtime: one,
        status: 'stopped',
        state: 'failed',
        reason: one,
      })),
    );
    await rewrite('**/api/agents/evil', (agent: object) => ({
      ...agent,
      owner: all,
      tags: payloads,
      runtime: all,
      type: all,
      template: all,
      status: 'stopped',
      status_reason: all,
    }));
    await rewrite('**/api/agents/evil/shares', () =>
      payloads.map((one, id) => ({
        id,
        shared_with_email: one,
        shared_by_email: one,
        created_at: '2026-01-01T00:00:00Z',
      })),
    );
    await rewrite('**/api/users/me', (me: object) => ({ ...me, name: all, email: all }));
    await rewrite('**/api/templates', () => payloads.map((one) => ({ id: one, display_name: one, description: one })));
    await open('');
    await page.getByRole('row').filter({ hasText: '<svg onload=window.hacked=1>' }).first().waitFor();
    await page.getByRole('button', { name: 'New agent' }).click();
    await page.getByLabel('Template').selectOption({ index: 5 });
    expect(await page.evaluate(came)).toEqual({ hacked: undefined, elements: [], handlers: [], links: [] });
    await page.keyboard.press('Escape');
    await page.goto(`${fleet.url}/#/agents/evil/settings`);
    await page.locator('.facts dd', { hasText: 'evil.invalid' }).first().waitFor();
    await page.goto(`${fleet.url}/#/agents/evil/sharing`);
    await page.locator('.rows li', { hasText: '<svg onload=window.hacked=1>' }).waitFor();
  });

  it('are words in what the server refuses', async () => {
    await page.route('**/token', (route) => route.fulfill({ status: 401, json: { detail: all } }));
    await page.goto(fleet.url);
    await page.getByLabel('User name').fill('x');
    await page.getByLabel('Password').fill('x');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'window.hacked=1' }).waitFor();
  });
});
