import type { Browser, Page } from 'playwright-core';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { inBrowser, namelessControls, openBrowser, signIn, watchedPage } from './browser.js';

inBrowser('the way in, in Chromium', () => {
  let fleet: Fleet;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    [fleet, browser] = await Promise.all([bootFleet(), openBrowser()]);
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

  it('asks for the first password, says what is wrong with one, and signs in', async () => {
    await fleet.db.query(`update users set password_hash = null where username = 'admin'`);
    await page.goto(fleet.url);
    await page.getByRole('heading', { name: 'Welcome aboard' }).waitFor();
    expect(await namelessControls(page)).toEqual([]);
    const set = async (password: string, again = password): Promise<void> => {
      await page.getByLabel('New password').fill(password);
      await page.getByLabel('The same again').fill(again);
      await page.keyboard.press('Enter');
    };
    await set('short');
    await page.getByRole('alert').filter({ hasText: '8 characters' }).waitFor();
    await set('long enough', 'something else');
    await page.getByRole('alert').filter({ hasText: 'match' }).waitFor();
    await set('chosen at first');
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Password').waitFor();
    await signIn(page, fleet.url, 'admin', 'chosen at first');
  });

  it('shows no set-up to somebody who comes too late for it', async () => {
    await page.route('**/api/auth/mode', async (route) => {
      const mode = (await (await route.fetch()).json()) as object;
      await route.fulfill({ json: { ...mode, setup_completed: false } });
    });
    await page.goto(fleet.url);
    await page.getByLabel('New password').fill('chosen too late');
    await page.getByLabel('The same again').fill('chosen too late');
    await page.unroute('**/api/auth/mode');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  it('signs in with a code by e-mail, and not with a wrong one', async () => {
    const address = 'ada@example.com';
    await fleet.givenUser('ada', { email: address });
    const admin = await fleet.admin.signIn('admin', 'chosen at first');
    await admin.post('/api/settings/email-whitelist', { email: address });
    await page.goto(fleet.url);
    await page.getByRole('button', { name: 'Sign in with a code by e-mail' }).click();
    await page.getByLabel('E-mail address').fill(address);
    await page.keyboard.press('Enter');
    await page.getByLabel('Code').waitFor();
    expect(await namelessControls(page)).toEqual([]);
    const code = await fleet.outbox.codeFor(address);
    await page.getByLabel('Code').fill(code === '000000' ? '000001' : '000000');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Invalid or expired verification code' }).waitFor();
    await page.getByLabel('Code').fill(code);
    await page.keyboard.press('Enter');
    await page.getByText('No agents yet').waitFor();
    await page.getByText('ada', { exact: true }).waitFor();
  });

  it('goes back to the password, and tells who is not allowed no more than others', async () => {
    await page.goto(fleet.url);
    await page.getByRole('button', { name: 'Sign in with a code by e-mail' }).click();
    await page.getByLabel('E-mail address').fill('nobody@example.com');
    await page.keyboard.press('Enter');
    await page.getByLabel('Code').waitFor();
    expect(fleet.outbox.to('nobody@example.com')).toEqual([]);
    await page.getByRole('button', { name: 'Sign in with a password' }).click();
    await page.getByLabel('Password').waitFor();
  });
});
