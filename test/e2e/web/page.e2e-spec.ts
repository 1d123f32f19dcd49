import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { adminPassword, boot, type Flotilla } from '../../support/boot.js';

const executablePath = '/usr/bin/chromium';
const inBrowser = existsSync(executablePath) ? describe : describe.skip;

inBrowser('the page at / in Chromium', () => {
  let flotilla: Flotilla;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    flotilla = await boot();
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    await flotilla.close();
  });

  beforeEach(async () => {
    complaints = [];
    page = await browser.newPage({ viewport: { width: 360, height: 740 } });
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(flotilla.url);
  });
  afterEach(() => page.close());

  async function signIn(): Promise<void> {
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel('Password').fill(adminPassword);
    await page.keyboard.press('Enter');
    await page.getByText('Live', { exact: true }).waitFor();
  }

  it('signs in, shows an empty fleet live, and links to the API, without a complaint', async () => {
    await signIn();
    await page.getByText('No agents yet: create one above.').waitFor();
    expect(await page.getByRole('link', { name: 'API docs' }).getAttribute('href')).toBe('/docs');
    expect(await page.title()).toBe('Flotilla');
    expect(complaints).toEqual([]);
  });

  it('stays signed in over a reload, and forgets the token when signing out', async () => {
    await signIn();
    await page.reload();
    await page.getByText('No agents yet: create one above.').waitFor();
    const token = await page.evaluate<string>('sessionStorage.getItem("flotilla.token")');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Password').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect((await flotilla.request('GET', '/api/users/me', { token })).status).toBe(401);
    expect(complaints).toEqual([]);
  });

  it("says a refusal in the server's words", async () => {
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Incorrect username or password' }).waitFor();

    await signIn();
    await page.getByLabel('Name of a new agent').fill('!!!');
    await page.getByRole('button', { name: 'Create agent' }).click();
    await page.getByRole('alert').filter({ hasText: 'Invalid agent name' }).waitFor();
  });

  it('fits a narrow screen', async () => {
    await signIn();
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  });
});
