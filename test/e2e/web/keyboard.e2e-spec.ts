import type { Browser, Locator, Page } from 'playwright-core';
import { adminPassword } from '../../support/boot.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { inBrowser, openBrowser, signIn, watchedPage } from './browser.js';

// Runs in the browser: can one see where the focus is? A box around a field may show it in its place.
const focusIsSeen = `(() => {
  const isMarked = (one) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
    return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
  };
  const one = document.activeElement;
  return isMarked(one) || (one.parentElement.matches(':focus-within') && isMarked(one.parentElement));
})()`;

inBrowser('the page by keyboard alone, in Chromium', () => {
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

  /** Presses Tab until the control has the focus, and looks whether one can see that it has. */
  async function tabTo(target: Locator, key = 'Tab'): Promise<void> {
    await target.waitFor();
    const hasFocus = (): Promise<boolean> =>
      target.evaluate((one) => one === one.ownerDocument.activeElement).catch(() => false);
    for (let presses = 0; presses < 80; presses += 1) {
      if (await hasFocus()) {
        expect([target.toString(), await page.evaluate(focusIsSeen)]).toEqual([target.toString(), true]);
        return;
      }
      await page.keyboard.press(key);
    }
    throw new Error(`${target.toString()} cannot be reached with ${key}`);
  }
  const button = (name: string): Locator => page.getByRole('button', { name, exact: true });
  const press = async (target: Locator, key = 'Enter'): Promise<void> => {
    await tabTo(target);
    await page.keyboard.press(key);
  };

  it('signs in, makes an agent, talks, answers, looks at files, changes settings, stops it and leaves', async () => {
    await page.goto(fleet.url);
    await tabTo(page.getByLabel('User name'));
    await page.keyboard.type('admin');
    await tabTo(page.getByLabel('Password'));
    await page.keyboard.type(adminPassword);
    await page.keyboard.press('Enter');
    await page.getByText('Live', { exact: true }).waitFor();

    await press(button('New agent'));
    await tabTo(page.getByLabel('Name'));
    await page.keyboard.type('pilot');
    await press(button('Create agent'));
    await page.getByRole('heading', { name: 'pilot' }).waitFor();

    await press(page.getByRole('link', { name: 'Settings' }));
    await press(page.getByRole('switch', { name: 'Ask me first' }), 'Space');
    await page.getByRole('switch', { name: 'Ask me first', checked: true }).waitFor();
    await press(page.getByRole('link', { name: 'Chat' }));
    await tabTo(page.getByLabel('Message to pilot'));
    await page.keyboard.type('<<write a.txt hello>><<ask Which one? | Red | Blue>>');
    await page.keyboard.press('Enter');
    await press(button('Allow once'));
    await tabTo(page.getByRole('radio').first());
    await page.keyboard.press('ArrowDown');
    await press(button('Answer'));
    await page.locator('.message.agent', { hasText: /Answer: (Red|Blue)/ }).waitFor();
    await press(page.locator('details.tool summary').first());
    await page.locator('details.tool[open]').waitFor();

    await press(page.getByRole('link', { name: 'Files' }));
    await press(page.getByRole('list', { name: 'Files of pilot' }).getByRole('button', { name: 'a.txt' }));
    await press(button('Edit'));
    await tabTo(page.getByLabel('Content of a.txt'));
    await page.keyboard.press('Control+A');
    await page.keyboard.type('changed by hand');
    await press(button('Save'));
    await page.locator('.file-view pre', { hasText: 'changed by hand' }).waitFor();
    await press(button('Close file'));

    await press(page.getByLabel('More for pilot'));
    await press(button('Rename'));
    await tabTo(page.getByLabel('New name'));
    await page.keyboard.press('Control+A');
    await page.keyboard.type('captain');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'captain' }).waitFor();

    // A rename stops it.
    await press(button('Start captain'));
    await press(button('Stop captain'));
    const dialog = page.getByRole('dialog');
    await press(dialog.getByRole('button', { name: 'Stop' }));
    await dialog.waitFor({ state: 'detached' });
    await button('Start captain').waitFor();
    await press(page.getByRole('link', { name: 'All agents', exact: true }));
    await page.getByRole('heading', { name: 'Agents' }).waitFor();
    await press(button('Sign out'));
    await page.getByLabel('Password').waitFor();
  }, 120_000);

  it('jumps over the bar, and keeps the focus in a dialog until Escape', async () => {
    await signIn(page, fleet.url);
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await tabTo(button('New agent'));
    await page.keyboard.press('Enter');
    const inside = 'document.activeElement === document.body || document.activeElement.closest("dialog") !== null';
    for (let presses = 0; presses < 20; presses += 1) {
      await page.keyboard.press('Tab');
      expect(await page.evaluate(inside)).toBe(true);
    }
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    // Where one was before.
    await tabTo(button('New agent'), 'F13');
  });
});
