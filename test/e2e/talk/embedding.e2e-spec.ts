import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';
import { inBrowser, openBrowser, watchedPage } from '../web/browser.js';

/** The program of docs/embedding.md, as it stands there. */
const documented = readFileSync(path.join(__dirname, '../../../docs/embedding.md'), 'utf8');
const [, program = ''] = /```js\n([\s\S]*?)```/.exec(documented) ?? [];

inBrowser('the documented program that embeds an agent', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'flotilla-embed-'));
  let fleet: Fleet;
  let browser: Browser;
  let child: ChildProcess | null = null;
  beforeAll(async () => {
    [fleet, browser] = await Promise.all([bootFleet(), openBrowser()]);
  }, 240_000);
  afterAll(async () => {
    child?.kill('SIGKILL');
    await browser.close();
    await fleet.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows the conversation in its own page, says how the work goes, and ends with what was said', async () => {
    const file = path.join(folder, 'embed.mjs');
    writeFileSync(file, program);
    const token = (await fleet.hosted()).token ?? '';
    const env = {
      PATH: process.env.PATH ?? '',
      HOSTEDAGENTS_API: `${fleet.url}/api/v1`,
      HOSTEDAGENTS_API_TOKEN: token,
    };
    let said = '';
    child = spawn(process.execPath, [file, 'Begin. <<write plan.txt yes>> <<say The plan is written.>>'], { env });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (said += data.toString()));
    const [, address = ''] = await until('it listens', () => /open (http:\S+)/.exec(said) ?? false, 60_000);

    const { page, complaints } = await watchedPage(browser);
    await page.goto(address);
    expect(await page.content()).not.toContain(token);
    await page.getByText('The agent is working and waits for you.').waitFor();
    const frame = page.frameLocator('iframe');
    if (process.env.FLOTILLA_SHOTS) await page.screenshot({ path: `${process.env.FLOTILLA_SHOTS}/embedded.png` });
    await frame.getByRole('region', { name: 'Approval: Write plan.txt' }).getByText('Allow once').click();
    await frame.locator('.message.agent', { hasText: 'The plan is written.' }).waitFor();
    await page.getByText('The agent is idle.').waitFor();
    await until('it tells the end', () => said.includes('the last one: The plan is written.'), 60_000);
    expect(said).toMatch(/^idle, after 2 messages/m);
    expect(complaints).toEqual([]);
    await page.close();
  }, 180_000);
});
