import { mkdirSync } from 'node:fs';
import type { Browser, FrameLocator, Page } from 'playwright-core';
import { LinkAddresses } from '../../../src/core/links/link-addresses.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { inBrowser, openBrowser, watchedPage } from '../web/browser.js';
import { hostPage, type HostPage } from './host-page.js';
import { payloads } from './payloads.js';

/** Pictures for people: `FLOTILLA_SHOTS=/tmp/x npx jest ...` keeps them. */
const shots = process.env.FLOTILLA_SHOTS;

inBrowser('the session page in a frame of another origin', () => {
  let fleet: Fleet;
  let browser: Browser;
  let host: HostPage;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    [fleet, browser, host] = await Promise.all([bootFleet(), openBrowser(), hostPage()]);
  }, 240_000);
  afterAll(async () => {
    await browser.close();
    await host.close();
    await fleet.close();
  });
  beforeEach(async () => {
    ({ page, complaints } = await watchedPage(browser));
  });
  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  /** A conversation with an agent of its own, as its address. */
  async function given(name: string, message = 'hello <<say hi>>', settings: object = {}): Promise<string> {
    await fleet.givenAgent(name);
    await fleet.admin.put(`/~console/agents/${name}/settings`, { approvals: 'auto', ...settings });
    const { body } = await fleet.admin.post(`/~console/agents/${name}/messages`, { message });
    return fleet.app.get(LinkAddresses).sessionUrl(String(body['session_id']));
  }
  async function shown(url: string): Promise<FrameLocator> {
    await page.goto(host.showing(url));
    return page.frameLocator('iframe');
  }
  async function shoot(name: string): Promise<void> {
    if (shots === undefined) return;
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: `${shots}/${name}.png` });
  }
  const inFrame = <T>(script: string): Promise<T> =>
    page.frames()[1]?.evaluate<T>(script) ?? Promise.reject(new Error('no frame'));

  it('talks: streams, shows tools with their changes, stops, and loses nothing over a reload', async () => {
    const frame = await shown(await given('scout'));
    await frame.getByRole('heading', { name: 'scout' }).waitFor();
    await frame.locator('.status', { hasText: 'Running' }).waitFor();
    const message = frame.getByLabel('Message to scout');
    await message.fill('<<write a.txt hi>><<write a.txt ho>><<bash cat a.txt>><<say It is **bold**.>>');
    await message.press('Enter');
    await frame.locator('.message.agent strong', { hasText: 'bold' }).waitFor();
    const write = frame.locator('details.tool', { hasText: 'a.txt' }).first();
    await write.locator('summary').press('Enter');
    await write.locator('.diff-code-insert', { hasText: 'hi' }).waitFor();
    const bash = frame.locator('details.tool', { hasText: 'cat a.txt' });
    await bash.locator('summary').press('Enter');
    await bash.locator('pre', { hasText: /^ho\s*$/ }).waitFor();
    await shoot('frame-1280');

    await message.fill('<<slow 600 100>>');
    await message.press('Enter');
    await frame.locator('.message.open', { hasText: 'tick 3' }).waitFor();
    await page.reload();
    await frame.locator('.message.open', { hasText: 'tick 1 tick 2' }).waitFor();
    await frame.locator('.message.agent strong', { hasText: 'bold' }).waitFor();
    await frame.getByRole('button', { name: 'Stop', exact: true }).click();
    await frame.getByText('Stopped.', { exact: true }).waitFor();
    // The page has no origin: nothing that is kept for ours is within its reach.
    expect(await inFrame<string>('self.origin')).toBe('null');
    expect(await inFrame<string>('try { localStorage.length; "open" } catch (error) { error.name }')).toBe(
      'SecurityError',
    );
    expect(await inFrame<string>('try { parent.document.title } catch (error) { error.name }')).toBe('SecurityError');
  });

  it('asks for approvals and questions, and rejects with a message', async () => {
    const frame = await shown(await given('asker', 'hello <<say hi>>', { approvals: 'ask' }));
    const message = frame.getByLabel('Message to asker');
    await frame.locator('.message.agent', { hasText: 'hi' }).waitFor();
    await message.fill('<<write b.txt yes>><<ask Which one? | Red | Blue>>');
    await message.press('Enter');
    const approval = frame.getByRole('region', { name: 'Approval: Write b.txt' });
    await approval.waitFor();
    await shoot('approval-1280');
    await approval.getByRole('button', { name: 'Allow once' }).press('Enter');
    const question = frame.getByRole('region', { name: 'Question: Which one?' });
    await question.getByLabel('Blue').check();
    await shoot('question-1280');
    await question.getByRole('button', { name: 'Answer', exact: true }).press('Enter');
    await frame.locator('.message.agent', { hasText: 'Answer: Blue' }).waitFor();
    await message.fill('<<write c.txt no>>');
    await message.press('Enter');
    const second = frame.getByRole('region', { name: 'Approval: Write c.txt' });
    await second.getByLabel('Message to the agent').fill('Not this one.');
    await second.getByRole('button', { name: 'Reject' }).click();
    await frame.locator('.message.user', { hasText: 'Not this one.' }).waitFor();
    await second.waitFor({ state: 'detached' });
  });

  it.each([
    [1100, 'light'],
    [1100, 'dark'],
    [360, 'light'],
    [360, 'dark'],
  ] as const)('asks for several choices, own words and a name, at a width of %d, %s', async (width, colorScheme) => {
    await page.close();
    const viewport = { width, height: width === 360 ? 740 : 800 };
    ({ page, complaints } = await watchedPage(browser, { viewport, colorScheme }));
    const name = `chooser-${width}-${colorScheme}`;
    const frame = await shown(await given(name, 'hello <<say hi>>', { approvals: 'ask' }));
    await frame.locator('.message.agent', { hasText: 'hi' }).waitFor();
    const message = frame.getByLabel(`Message to ${name}`);
    await message.fill('<<choose Which parts of the plan do you want? | Tests | Documentation | Code>>');
    await message.press('Enter');
    const card = frame.getByRole('region', { name: /^Question: Which parts/ });
    const answer = card.getByRole('button', { name: 'Answer', exact: true });
    for (const part of ['Tests', 'Code']) await card.getByLabel(part).check();
    await card.getByLabel('Or in your own words').fill('Pictures');
    expect(await answer.isDisabled()).toBe(true); // one of the two questions has no answer yet
    await card.getByRole('textbox', { name: 'Answer', exact: true }).fill('Flora');
    expect(await inFrame<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    await shoot(`several-${width}-${colorScheme}`);
    await answer.press('Enter');
    const said = 'Answer: {"question_0":["Tests","Code"],"question_0_custom":"Pictures","question_1":"Flora"}';
    await frame.locator('.message.agent', { hasText: said }).waitFor();
    await card.waitFor({ state: 'detached' });
  });

  it('says when the agent is stopped, starts again with it, and when it is gone', async () => {
    const frame = await shown(await given('sleeper'));
    await frame.locator('.message.agent', { hasText: 'hi' }).waitFor();
    await fleet.admin.post('/api/agents/sleeper/stop');
    await frame.getByText('sleeper is stopped.').waitFor();
    expect(await frame.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
    await shoot('stopped-1280');
    await page.reload();
    await frame.getByText('sleeper is stopped.').waitFor();
    await frame.locator('.message.agent', { hasText: 'hi' }).waitFor();
    await fleet.admin.post('/api/agents/sleeper/start');
    await frame.locator('.status', { hasText: 'Running' }).waitFor();
    const message = frame.getByLabel('Message to sleeper');
    await message.fill('<<say awake>>');
    await message.press('Enter');
    await frame.locator('.message.agent', { hasText: 'awake' }).waitFor();
    await fleet.admin.delete('/api/agents/sleeper');
    await frame.getByText('This conversation is gone').waitFor();
    expect(await frame.getByLabel('Message to sleeper').count()).toBe(0);
    await page.reload();
    await frame.getByText('This conversation is gone').waitFor();
  });

  it(`runs none of ${payloads.length} things that an agent, its tools and its questions bring`, async () => {
    expect(payloads.length).toBe(50);
    const escaped = (text: string): string => text.replaceAll('>', '\\>');
    const steps = payloads.map((one) => `<<say ${escaped(one)}>><<bash true # ${escaped(one.replaceAll('\n', ' '))}>>`);
    const frame = await shown(await given('evil', `${steps.join('')}<<say the end>>`));
    await frame.locator('.message.agent', { hasText: 'the end' }).waitFor({ timeout: 60_000 });
    const tools = frame.locator('details.tool summary');
    for (let n = 0; n < (await tools.count()); n += 7) await tools.nth(n).press('Enter');
    await fleet.admin.put('/~console/agents/evil/settings', { approvals: 'ask' });
    const message = frame.getByLabel('Message to evil');
    const evil = payloads[4] ?? '';
    await message.fill(`<<bash echo '${escaped(evil)}'>><<ask ${escaped(evil)} | ${escaped(evil)} | <b\\>two</b\\>>>`);
    await message.press('Enter');
    await frame.getByRole('button', { name: 'Allow once' }).click();
    await frame.getByRole('button', { name: 'Decline' }).waitFor();
    const links = frame.locator('.markdown a');
    const addresses = await links.evaluateAll((all) => all.map((one) => one.getAttribute('href') ?? ''));
    expect(addresses.filter((href) => href !== '' && !/^(https?:|mailto:|#|[^:]*$)/.test(href))).toEqual([]);
    const parts = 'script, iframe, object, embed, form, img, svg, style, base, meta, link, video, audio, math';
    expect(
      await frame
        .locator(
          parts
            .split(', ')
            .map((one) => `.message ${one}`)
            .join(', '),
        )
        .count(),
    ).toBe(0);
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(await inFrame('window.hacked')).toBeUndefined();
  });

  it('draws of a long conversation what is near the screen, keeps to its end, and goes back to its begin', async () => {
    const steps = Array.from({ length: 130 }, (_, n) => `<<say text number ${n}.>><<bash echo ${n}>>`);
    const frame = await shown(await given('novel', `${steps.join('')}<<say the end>>`));
    await frame.locator('.message.agent', { hasText: 'the end' }).waitFor({ timeout: 60_000 });
    await frame.locator('.long-list').waitFor();
    expect(await frame.locator('.message, details.tool').count()).toBeLessThan(100);
    const log = frame.getByRole('log');
    await log.evaluate((box) => Object.assign(box, { scrollTop: 0 }));
    await frame.locator('.message.agent', { hasText: 'text number 0.' }).waitFor();
    await frame.getByLabel('Message to novel').fill('<<say after that>>');
    await frame.getByLabel('Message to novel').press('Enter');
    // Who reads back stays where they are.
    await frame.getByText('novel is working').waitFor({ state: 'detached' });
    expect(await log.evaluate((box) => Math.round(Reflect.get(box, 'scrollTop') as number))).toBeLessThan(80);
  });

  it('takes files that are dropped in or chosen, and names them to the agent', async () => {
    const frame = await shown(await given('filer'));
    await frame.locator('.message.agent', { hasText: 'hi' }).waitFor();
    const choose = frame.getByLabel('Attach files');
    await choose.setInputFiles({ name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('the plan') });
    const files = frame.getByRole('list', { name: 'Files for the next message' });
    await files.getByText('plan.txt').waitFor();
    await choose.setInputFiles({ name: 'bad.exe', mimeType: 'text/plain', buffer: Buffer.from('x') });
    await files.getByText(/bad\.exe: .*\.exe/).waitFor();
    await files.getByRole('button', { name: 'Without bad.exe' }).click();
    await inFrame(`(() => {
      const data = new DataTransfer();
      data.items.add(new File(['dropped'], 'dropped.txt'));
      for (const kind of ['dragover', 'drop'])
        document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
    })()`);
    await files.getByText('dropped.txt').waitFor();
    const message = frame.getByLabel('Message to filer');
    await message.fill('<<bash cat uploads/plan.txt uploads/dropped.txt>>');
    await frame.getByRole('button', { name: 'Send', disabled: false }).click();
    await frame
      .locator('.message.user', { hasText: '/workspace/uploads/plan.txt, /workspace/uploads/dropped.txt' })
      .waitFor();
    const tool = frame.locator('details.tool', { hasText: 'cat uploads' });
    await tool.locator('.tool-state', { hasText: 'done' }).waitFor();
    await tool.locator('summary').press('Enter');
    await tool.locator('pre', { hasText: 'the plandropped' }).waitFor();
  });

  it('shows an agent by name and state, and nothing else', async () => {
    await given('shown');
    const [row] = await fleet.db.query<{ id: string }>(`select id from agents where slug = 'shown'`);
    const frame = await shown(fleet.app.get(LinkAddresses).agentUrl(row?.id ?? ''));
    await frame.getByRole('heading', { name: 'shown' }).waitFor();
    await frame.locator('.status', { hasText: 'Running' }).waitFor();
    expect((await frame.locator('body').innerText()).replace(/\s+/g, ' ').trim()).toBe('shown Running');
    await shoot('agent-1280');
  });

  it('fits a phone, in the dark', async () => {
    await page.close();
    ({ page, complaints } = await watchedPage(browser, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }));
    const frame = await shown(
      await given(
        'pocket',
        '<<write notes/long-name-of-a-file.txt hi>><<say # A plan\n\n| a | b |\n|---|---|\n| 1 | `code` |\n\n- one\n- [two](https://example.com/x)>>',
      ),
    );
    await frame.locator('.message.agent h1', { hasText: 'A plan' }).waitFor();
    await frame.locator('details.tool summary').first().click();
    expect(await inFrame<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    const ground = await inFrame<string>('getComputedStyle(document.body).backgroundColor');
    expect(ground).toBe('rgb(13, 20, 25)');
    await shoot('phone-dark-360');
  });
});
