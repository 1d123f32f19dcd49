import { Models } from '../../src/core/runtimes/models.port.js';
import { LinkAddresses } from '../../src/core/links/link-addresses.js';
import { cleanUp, describeDocker, docker } from '../chaos/rig/docker-world.js';
import { hostPage } from '../e2e/talk/host-page.js';
import { givenAsking } from '../e2e/sessions/support.js';
import { openBrowser, watchedPage } from '../e2e/web/browser.js';
import { bootFleet, type Fleet } from '../support/fleet.js';

// A real OpenCode in a real container, seen by a real browser through a frame of another origin.
jest.setTimeout(600_000);

describeDocker('the session page of OpenCode', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet({
      engine: undefined,
      env: { FLOTILLA_ENGINE: 'docker', OPENAI_API_KEY: '', FLOTILLA_DEFAULT_RUNTIME: 'opencode' },
    });
  }, 300_000);
  afterAll(async () => {
    const [one] = await fleet.engine.list();
    const install = one && (await docker.getContainer(one.ref).inspect()).Config.Labels['flotilla.install'];
    await fleet.app.get(Models).stop();
    await fleet.close();
    await cleanUp(install ?? '');
  });

  it('shows a turn with a permission, what it writes and the words after it', async () => {
    await givenAsking(fleet, 'opener', fleet.admin, { runtime: 'opencode' });
    // The runtime is warm then, however slow the machine.
    expect((await fleet.chat('opener', '<<say ready>>')).status).toBe(200);
    const [row] = await fleet.db.query<{ id: string }>('select id from sessions');
    const [browser, host] = await Promise.all([openBrowser(), hostPage()]);
    try {
      const { page, complaints } = await watchedPage(browser);
      page.setDefaultTimeout(60_000);
      await page.goto(host.showing(fleet.app.get(LinkAddresses).sessionUrl(row?.id ?? '')));
      const frame = page.frameLocator('iframe');
      await frame.locator('.message.agent', { hasText: 'ready' }).waitFor();
      const message = frame.getByLabel('Message to opener');
      await message.fill('<<write hello.txt first line>> <<say It is **written**.>>');
      await message.press('Enter');
      const approval = frame.getByRole('region', { name: /^Approval/ });
      await approval.getByText('first line').first().waitFor();
      if (process.env.FLOTILLA_SHOTS)
        await page.screenshot({ path: `${process.env.FLOTILLA_SHOTS}/opencode-asks.png` });
      await approval.getByRole('button', { name: 'Allow once' }).click();
      await frame.locator('.message.agent strong', { hasText: 'written' }).waitFor();
      const tool = frame.locator('details.tool', { hasText: 'hello.txt' }).first();
      await tool.locator('summary').press('Enter');
      await tool.getByText('first line').first().waitFor();
      if (process.env.FLOTILLA_SHOTS)
        await page.screenshot({ path: `${process.env.FLOTILLA_SHOTS}/opencode-1280.png` });
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      await host.close();
    }
  });
});
