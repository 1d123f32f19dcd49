import { randomBytes } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';
import { inBrowser, logLine, namelessControls, openBrowser, signIn, watchedPage } from './browser.js';

inBrowser("an agent's tabs in Chromium", () => {
  let fleet: Fleet;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    [fleet, browser] = await Promise.all([bootFleet(), openBrowser()]);
    await fleet.givenAgent('scout');
    await fleet.chat('scout', '<<write notes/a.txt first>><<write .hidden x>><<say done>>');
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await fleet.close();
  });
  beforeEach(async () => {
    ({ page, complaints } = await watchedPage(browser, { acceptDownloads: true }));
  });
  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  const open = (tab: string): Promise<void> => signIn(page, `${fleet.url}/#/agents/scout/${tab}`);

  it('logs: follows, finds, wraps, and gives them as a file', async () => {
    await logLine(fleet, 'scout', 'a line from before');
    await open('logs');
    const log = page.getByLabel('Logs of scout');
    await log.getByText('a line from before').waitFor();
    await page.getByText('Live', { exact: true }).nth(1).waitFor();
    await logLine(fleet, 'scout', 'a line that comes now');
    await log.getByText('a line that comes now').waitFor();
    await page.getByLabel('Find in logs').fill('COMES now');
    await log.getByText(/^a line that comes now\s*$/).waitFor();
    await page.getByLabel('Find in logs').fill('never said');
    await log.getByText('No line has this.').waitFor();
    await page.getByLabel('Find in logs').fill('');
    await page.getByRole('button', { name: 'Wrap' }).click();
    expect(await log.getAttribute('class')).toContain('unwrapped');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByText('Download').click()]);
    expect(file.suggestedFilename()).toBe('scout.log');
    expect(await namelessControls(page)).toEqual([]);
  });

  it('files: opens, edits, deletes, and shows hidden ones when asked', async () => {
    await open('files');
    const tree = page.getByRole('list', { name: 'Files of scout' });
    await tree.getByText('notes').click();
    await tree.getByRole('button', { name: 'a.txt' }).click();
    const view = page.getByRole('region', { name: 'notes/a.txt' });
    await view.getByText('first').waitFor();
    await view.getByRole('button', { name: 'Edit' }).click();
    await view.getByLabel('Content of notes/a.txt').fill('second ü\n');
    await view.getByRole('button', { name: 'Save' }).click();
    await view.getByText('second ü').waitFor();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      view.getByRole('button', { name: 'Download' }).click(),
    ]);
    expect(file.suggestedFilename()).toBe('a.txt');
    expect(await tree.getByText('.hidden').count()).toBe(0);
    await page.getByRole('switch', { name: 'Hidden files' }).click();
    await tree.getByRole('button', { name: '.hidden' }).waitFor();
    expect(await namelessControls(page)).toEqual([]);
    await view.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await view.waitFor({ state: 'detached' });
    expect((await fleet.admin.get('/api/agents/scout/files/download?path=notes/a.txt')).status).toBe(404);
  });

  it('files: uploads what is no text byte for byte, by choosing and by dropping, and says what was refused', async () => {
    await open('files');
    const bytes = randomBytes(1_500_000);
    const mimeType = 'image/png';
    await page.getByLabel('Files to upload').setInputFiles([
      { name: 'picture.png', mimeType, buffer: bytes },
      { name: '.gitignore', mimeType, buffer: Buffer.from('x') },
      { name: 'empty.bin', mimeType, buffer: Buffer.alloc(0) },
    ]);
    const tree = page.getByRole('list', { name: 'Files of scout' });
    await tree.getByRole('button', { name: 'picture.png' }).waitFor();
    await tree.getByRole('button', { name: 'empty.bin' }).waitFor();
    await page.getByRole('alert').filter({ hasText: '.gitignore: This path is protected' }).waitFor();
    const address = `${fleet.url}/api/agents/scout/files/download?path=picture.png`;
    const answer = await fetch(address, { headers: { authorization: `Bearer ${fleet.admin.token ?? ''}` } });
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
    await tree.getByRole('button', { name: 'picture.png' }).click();
    await page.getByText(/^1\.4 MB, not shown here/).waitFor();

    const dropped = await page.evaluateHandle(`(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array([0, 255])], 'dropped.bin'));
      return transfer;
    })()`);
    await page.locator('.panel.files').dispatchEvent('drop', { dataTransfer: dropped });
    await tree.getByRole('button', { name: 'dropped.bin' }).waitFor();
  });

  it('settings: the rules of read-only mode are read, changed, refused and taken back', async () => {
    await open('settings');
    const card = page.getByRole('region', { name: 'Read-only mode' });
    await card.getByText('Write rules').click();
    const refused = card.getByLabel('Refused');
    const allowed = card.getByLabel('Allowed all the same');
    expect(await refused.inputValue()).toContain('*.py\n*.js\n');
    await refused.fill('*.secret\n\n  src/*  ');
    await allowed.fill('');
    await card.getByRole('button', { name: 'Save the rules' }).click();
    await card.getByText('What stays open: nothing').waitFor();
    const rules = async (): Promise<unknown> => (await fleet.admin.get('/api/agents/scout/read-only')).body;
    expect(await rules()).toMatchObject({
      enabled: false,
      config: { blocked_patterns: ['*.secret', 'src/*'], allowed_patterns: [] },
    });
    await refused.fill('x'.repeat(201));
    await card.getByRole('button', { name: 'Save the rules' }).click();
    await card.getByRole('alert').filter({ hasText: '1 to 200 characters' }).waitFor();
    // The switch leaves the rules as they are.
    await card.getByRole('switch').click();
    await card.getByRole('switch', { checked: true, disabled: false }).waitFor();
    expect(await rules()).toMatchObject({ enabled: true, config: { blocked_patterns: ['*.secret', 'src/*'] } });
    await card.getByRole('button', { name: 'Use the defaults' }).click();
    await card.getByText(/^What stays open: content/).waitFor();
    await card.getByRole('switch').click();
    await card.getByRole('switch', { checked: false, disabled: false }).waitFor();
    expect(await rules()).toMatchObject({
      enabled: false,
      config: { allowed_patterns: expect.arrayContaining(['*.log']) },
    });
    expect(await namelessControls(page)).toEqual([]);
  });

  it('settings: approvals, tags, time limit and credentials', async () => {
    await open('settings');
    await page.getByRole('switch', { name: 'Ask me first' }).click();
    await page.getByRole('switch', { name: 'Ask me first', checked: true }).waitFor();
    const tags = page.getByRole('region', { name: 'Tags' });
    await tags.getByLabel('Tags').fill('Not a tag!');
    await tags.getByRole('button', { name: 'Save' }).click();
    await tags.getByRole('alert').waitFor();
    await tags.getByLabel('Tags').fill('prod, Blue');
    await tags.getByRole('button', { name: 'Save' }).click();
    await page.locator('.agent-facts .tag', { hasText: 'blue' }).waitFor();
    const limit = page.getByRole('region', { name: 'Time limit' });
    await limit.getByLabel('Minutes').fill('999');
    await limit.getByRole('button', { name: 'Save' }).click();
    await limit.getByRole('alert').waitFor();
    await limit.getByLabel('Minutes').fill('2.5');
    await limit.getByRole('button', { name: 'Save' }).click();
    await until('the time limit is stored', async () => {
      const { body } = await fleet.admin.get('/api/agents/scout/timeout');
      return body['execution_timeout_seconds'] === 150;
    });
    const credentials = page.getByRole('region', { name: 'Credentials' });
    await credentials.getByLabel('Content').fill('TOKEN=canary-of-a-page\n');
    await credentials.getByRole('button', { name: 'Put in place' }).click();
    await credentials.getByText('1 value in .env').waitFor();
    expect(await credentials.getByLabel('Content').inputValue()).toBe('');
    await credentials.getByRole('button', { name: 'Seal into a bundle' }).click();
    await credentials.getByText('1 file sealed into .credentials.enc.').waitFor();
    await credentials.getByRole('button', { name: 'Unpack the bundle' }).click();
    await credentials.getByRole('status').filter({ hasNotText: 'sealed' }).waitFor();
    expect(await page.content()).not.toContain('canary-of-a-page');
    expect(await namelessControls(page)).toEqual([]);
    await fleet.admin.put('/~console/agents/scout/settings', { approvals: 'auto' });
  });
});
