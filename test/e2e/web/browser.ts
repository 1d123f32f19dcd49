import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { adminPassword } from '../../support/boot.js';
import type { Fleet } from '../../support/fleet.js';

const executablePath = '/usr/bin/chromium';
const root = path.join(__dirname, '../../..');

/** Describes tests that need Chromium; they are skipped by name where there is none. */
export const inBrowser = existsSync(executablePath) ? describe : describe.skip;

/** Builds the page unless it is newer than its sources, and starts the browser. */
export async function openBrowser(): Promise<Browser> {
  const built = path.join(root, 'dist/web/index.html');
  const isCurrent = existsSync(built) && statSync(built).mtimeMs >= newest(path.join(root, 'web'));
  if (!isCurrent) execFileSync('npm', ['run', '-s', 'build:web'], { cwd: root });
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return Math.max(
    ...files.filter((file) => file.isFile()).map((file) => statSync(path.join(file.parentPath, file.name)).mtimeMs),
  );
}

export interface Watched {
  readonly page: Page;
  /** What the browser complained about: errors, warnings, failures of scripts. */
  readonly complaints: string[];
}

/** A page that remembers complaints. Refusals that a test provokes are no complaint about the page. */
export async function watchedPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    const refused = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !refused) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, complaints };
}

export async function signIn(page: Page, url: string, username = 'admin', password = adminPassword): Promise<void> {
  await page.goto(url);
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
  // The page that was asked for may say of its own that it is live.
  await page.getByRole('banner').getByText('Live', { exact: true }).waitFor();
}

/** A line in an agent's output, as its runtime writes it to its errors. */
export async function logLine(fleet: Fleet, agent: string, line: string): Promise<void> {
  const { id } = await fleet.instanceOf(agent);
  appendFileSync(path.join(fleet.dataDir, 'local', id, 'log/output.log'), `${line}\n`);
}

// Runs in the browser, whose words our compiler does not know here.
const findNameless = `[...document.querySelectorAll('button, a, input, select, textarea, summary')]
  .filter((one) => {
    const name = one.getAttribute('aria-label')
      ?? (one.labels?.length > 0 ? [...one.labels].map((label) => label.textContent).join('') : one.textContent);
    return name.trim() === '' && !one.hidden;
  })
  .map((one) => one.outerHTML.slice(0, 120))`;

/** Controls without a name that a screen reader could say. */
export const namelessControls = (page: Page): Promise<string[]> => page.evaluate<string[]>(findNameless);
