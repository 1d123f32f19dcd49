import type { Browser, Page } from 'playwright-core';
import { adminPassword } from '../../support/boot.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { inBrowser, openBrowser, watchedPage } from './browser.js';

inBrowser('the page of the API, in Chromium', () => {
  let fleet: Fleet;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    [fleet, browser] = await Promise.all([bootFleet(), openBrowser()]);
    await fleet.givenAgent('hello');
    ({ page, complaints } = await watchedPage(browser));
    await page.goto(`${fleet.url}/docs?urls.primaryName=Trinity%20Agents%20API`);
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await fleet.close();
  });

  /** Opens an operation and sends it as its example stands. */
  const tried = async (operation: string): Promise<{ status: string; body: string }> => {
    const block = page.locator(`[id$="-${operation}"]`);
    await block.locator('.opblock-summary-control').first().click();
    await block.getByRole('button', { name: 'Try it out' }).click();
    await block.getByRole('button', { name: 'Execute' }).click();
    const live = block.locator('.live-responses-table .response');
    const status = (await live.locator('.response-col_status').first().innerText()).trim();
    return { status, body: await live.locator('.highlight-code').first().innerText() };
  };

  it('refuses before anybody has signed in', async () => {
    expect((await tried('TrinityUsers_me')).status).toMatch(/^401/);
  });

  it('signs in with Authorize, and then what is tried works, with its example as it stands', async () => {
    await page.locator('.auth-wrapper .authorize').click();
    const login = page.locator('.auth-container').filter({ hasText: 'OAuth2, password' });
    await login.locator('#oauth_username').fill('admin');
    await login.locator('#oauth_password').fill(adminPassword);
    await login.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click();
    await login.getByRole('button', { name: 'Remove authorization' }).waitFor();
    await page.locator('.close-modal').click();
    const listed = await tried('TrinityAgents_list');
    expect(listed.status).toMatch(/^200/);
    expect(listed.body).toContain('"name": "hello"');
    expect(await tried('TrinityKeys_create')).toMatchObject({ status: expect.stringMatching(/^200/) });
    expect((await fleet.admin.get<object[]>('/api/mcp/keys')).body).toMatchObject([{ name: 'laptop' }]);
    expect(complaints).toEqual([]);
  });
});
