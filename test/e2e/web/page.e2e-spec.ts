import type { Browser, Page } from 'playwright-core';
import { AbleEngine } from '../../support/able-engine.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { inBrowser, namelessControls, openBrowser, signIn, watchedPage } from './browser.js';

inBrowser('the fleet page in Chromium', () => {
  let fleet: Fleet;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    const engine = (...of: ConstructorParameters<typeof AbleEngine>): AbleEngine => new AbleEngine(...of);
    [fleet, browser] = await Promise.all([bootFleet({ engine }), openBrowser()]);
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await fleet.close();
  });
  beforeEach(async () => {
    ({ page, complaints } = await watchedPage(browser));
  });
  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  it('is served with hashed files that are kept for ever, and a policy without inline scripts', async () => {
    const { headers, body } = await fleet.request('GET', '/', { headers: { accept: 'text/html' } });
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(headers.get('content-security-policy')).toContain("script-src 'self';");
    const [, script] = /src="(\/assets\/[\w-]+\.js)"/.exec(String(body)) ?? [];
    const answer = await fleet.request('GET', script ?? '');
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
  });

  it("says a refusal in the server's words, signs in, stays so over a reload, and forgets the token", async () => {
    await page.goto(fleet.url);
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Incorrect username or password' }).waitFor();
    await signIn(page, fleet.url);
    await page.getByText('No agents yet').waitFor();
    await page.reload();
    await page.getByText('No agents yet').waitFor();
    expect(await namelessControls(page)).toEqual([]);
    const token = await page.evaluate<string>('sessionStorage.getItem("flotilla.token")');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Password').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect((await fleet.request('GET', '/api/users/me', { token })).status).toBe(401);
  });

  it('makes an agent by keyboard, talks with it, shows its tools, and stops what it does', async () => {
    await signIn(page, fleet.url);
    await page.getByRole('button', { name: 'New agent' }).press('Enter');
    await page.getByLabel('Name').fill('!!!');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Invalid agent name' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'New agent' }).press('Enter');
    await page.getByLabel('Name').fill('scout');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'scout' }).waitFor();

    const message = page.getByLabel('Message to scout');
    await message.fill('<<write a.txt hi>><<bash cat a.txt>><<say It is **bold**.>>');
    await message.press('Enter');
    await page.locator('.message.agent strong', { hasText: 'bold' }).waitFor();
    const tool = page.locator('details.tool', { hasText: 'cat a.txt' });
    await tool.locator('summary').press('Enter');
    await tool.getByText('Output').waitFor();
    await tool.locator('pre', { hasText: /^hi\s*$/ }).waitFor();

    await message.fill('<<slow 600 100>>');
    await message.press('Enter');
    await page.locator('.message.open', { hasText: 'tick 3' }).waitFor();
    await page.reload();
    await page.locator('.message.open', { hasText: 'tick 1 tick 2' }).waitFor();
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.getByText('Stopped.', { exact: true }).waitFor();
    expect(await namelessControls(page)).toEqual([]);
  });

  it('shows approvals and questions in the conversation and in the inbox, where they are answered', async () => {
    if ((await fleet.admin.get('/api/agents/asker')).status !== 200) await fleet.givenAgent('asker');
    await fleet.admin.put('/~console/agents/asker/settings', { approvals: 'ask' });
    await signIn(page, `${fleet.url}/#/agents/asker`);
    const message = page.getByLabel('Message to asker');
    await message.fill('<<write b.txt yes>><<ask Which one? | Red | Blue>>');
    await message.press('Enter');
    await page.getByRole('region', { name: 'Approval: Write b.txt' }).waitFor();
    await page.getByRole('link', { name: 'Inbox, 1 waiting' }).click();
    await page.getByRole('button', { name: 'Allow once' }).click();
    await page.getByRole('region', { name: 'Question: Which one?' }).getByLabel('Blue').check();
    await page.getByRole('button', { name: 'Answer', exact: true }).click();
    await page.getByText('Nothing waits for you').waitFor();
    await page.goto(`${fleet.url}/#/agents/asker`);
    await page.locator('.message.agent', { hasText: 'Answer: Blue' }).waitFor();
  });

  it('runs nothing that an agent or a name brings', async () => {
    if ((await fleet.admin.get('/api/agents/evil')).status !== 200) await fleet.givenAgent('evil');
    const payloads = [
      '<script>window.hacked=1</script>',
      '<img src=x onerror="window.hacked=2">',
      '[link](javascript:window.hacked=3)',
      '<iframe srcdoc="<script>parent.hacked=4</script>"></iframe>',
      '![x](x" onerror="window.hacked=5)',
      '<svg onload=window.hacked=6>',
    ];
    await signIn(page, `${fleet.url}/#/agents/evil`);
    const message = page.getByLabel('Message to evil');
    // A tool between two texts makes them messages of their own.
    await message.fill(`${payloads.map((one) => `<<say ${one}>><<bash true>>`).join('')}<<say the end>>`);
    await message.press('Enter');
    await page.locator('.message.agent', { hasText: 'the end' }).waitFor();
    const links = page.locator('.message.agent a');
    expect(await links.evaluateAll((all) => all.map((one) => one.getAttribute('href') ?? ''))).toEqual(['']);
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(await page.locator('.message script, .message iframe, .message img, .message svg').count()).toBe(0);
  });

  it('sees what others do without a reload, finds and sorts, and deletes after a question', async () => {
    await signIn(page, fleet.url);
    await fleet.givenAgent('made-elsewhere');
    const row = page.getByRole('row').filter({ hasText: 'made-elsewhere' });
    await row.getByText('Running').waitFor();
    await fleet.admin.post('/api/agents/made-elsewhere/stop');
    await row.getByText('Stopped').waitFor();
    await page.getByRole('button', { name: 'Agent', exact: true }).click();
    await page.getByRole('searchbox').fill('elsewhere');
    expect(await page.getByRole('row').count()).toBe(2);
    await row.getByRole('link').click();
    await page.getByLabel('More for made-elsewhere').click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Agents' }).waitFor();
    expect((await fleet.admin.get('/api/agents/made-elsewhere')).status).toBe(404);
  });

  it('makes a schedule, lets it fire, runs it now, and shares the agent', async () => {
    if ((await fleet.admin.get('/api/agents/planner')).status !== 200) await fleet.givenAgent('planner');
    await signIn(page, `${fleet.url}/#/agents/planner/schedules`);
    await page.getByRole('button', { name: 'New schedule' }).click();
    await page.getByLabel('Name').fill('Morning report');
    await page.getByLabel('Message to the agent').fill('<<say Good morning>>');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/^Will not run: /).waitFor();
    await page.getByRole('switch', { name: 'Autonomy' }).click();
    await page.getByText(/^Next: /).waitFor();
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.locator('.run-status', { hasText: 'success' }).waitFor();
    expect(await namelessControls(page)).toEqual([]);
    await page.getByRole('link', { name: 'Sharing' }).click();
    await page.getByText('Shared with nobody').waitFor();
    await page.getByLabel('E-mail address').fill('grace@example.com');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Share no more with grace@example.com' }).waitFor();
  });

  it('opens a terminal without an exception from the policy, in its size, ends it and opens another', async () => {
    if ((await fleet.admin.get('/api/agents/shelly')).status !== 200) await fleet.givenAgent('shelly');
    await signIn(page, `${fleet.url}/#/agents/shelly/terminal`);
    const screen = page.getByRole('group', { name: 'Terminal in shelly' });
    const type = async (line: string): Promise<void> => {
      await page.getByText('Connected', { exact: true }).waitFor();
      await page.keyboard.type(`${line}\n`);
    };
    // A colour of 24 bits is a style of its own on the letters: the policy must not take it away.
    await type(`printf '\\e[38;2;1;200;3m'; echo hi-$((40+2)); printf '\\e[0m'; stty size`);
    const hi = screen.locator('.xterm-rows span', { hasText: 'hi-42' });
    await hi.waitFor();
    expect(await hi.evaluate((one) => one.computedStyleMap().get('color')?.toString())).toBe('rgb(1, 200, 3)');
    await screen.getByText(/^[1-9]\d (?!80$)\d{2,3}\s*$/).waitFor();
    await page.keyboard.press('F6');
    expect(await screen.locator(':focus').count()).toBe(0);
    await screen.click();
    await type('exit');
    await page.getByText('The shell has ended.').waitFor();
    await page.getByRole('button', { name: 'Reconnect' }).click();
    await type('echo again-$((1+1))');
    await screen.getByText('again-2').first().waitFor();
    expect(await namelessControls(page)).toEqual([]);
    // The next page finds the last terminal still ending, and waits for it.
    await page.reload();
    await type('echo third-$((1+2))');
    await screen.getByText('third-3').first().waitFor();
    await fleet.admin.post('/api/agents/shelly/stop');
    await page.getByText('Start the agent to open a terminal in it').waitFor();
  });

  it('limits an agent and decides whom it may call', async () => {
    for (const name of ['limited', 'neighbour']) {
      if ((await fleet.admin.get(`/api/agents/${name}`)).status !== 200) await fleet.givenAgent(name);
    }
    await signIn(page, `${fleet.url}/#/agents/limited/settings`);
    // A switch shows what was asked for, then what is stored: its state is waited for.
    await page.getByRole('switch', { name: 'Files stay as they are' }).click();
    const readOnly = page.getByRole('region', { name: 'Read-only mode' });
    await readOnly.getByText(/^Read-only mode enabled\. Start the agent/).waitFor();
    await page.getByLabel('Most memory').selectOption('2g');
    await page.getByText(/^Resource limits /).waitFor();
    await page.getByRole('switch', { name: 'Others may have its folder' }).click();
    await page.getByRole('switch', { name: 'Others may have its folder', checked: true, disabled: false }).waitFor();
    const folders = page.getByRole('region', { name: 'Shared folders' });
    await folders.getByRole('button', { name: 'Apply now' }).waitFor();
    await readOnly.getByRole('button', { name: 'Apply now' }).click();
    await readOnly.getByText('Applied.').waitFor();
    await folders.getByRole('button', { name: 'Apply now' }).waitFor({ state: 'detached' });
    await page.getByLabel('neighbour').click();
    await page.getByRole('checkbox', { name: 'neighbour', checked: false, disabled: false }).waitFor();
    await page.reload();
    await page.getByRole('switch', { name: 'Files stay as they are', checked: true }).waitFor();
    await page.getByRole('checkbox', { name: 'neighbour', checked: false }).waitFor();
    expect(await page.getByLabel('Most memory').inputValue()).toBe('2g');
    expect(await namelessControls(page)).toEqual([]);
    expect((await fleet.admin.get('/api/agents/limited/resources')).body).toMatchObject({ memory: '2g', cpu: null });
  });

  it('fits a narrow screen', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await signIn(page, fleet.url);
    const overflow = (): Promise<number> => page.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(await overflow()).toBeLessThanOrEqual(0);
    await page.goto(`${fleet.url}/#/inbox`);
    await page.getByText('Nothing waits for you').waitFor();
    expect(await overflow()).toBeLessThanOrEqual(0);
  });
});
