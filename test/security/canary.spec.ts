import { hiddenPlace } from './support/canary-hosted.js';
import { type CanaryRun, canaryRun, injectedFiles, workload } from './support/canary-run.js';
import { type Canary, formsOf, hatch, Search } from './support/canary.js';

/**
 * Where a secret may be, and nowhere else, below the data folder:
 * - master.key holds the master key (mode 0600).
 * - the home of an agent holds the credentials that were brought into it (mode 0600).
 */
const documented = ['master.key', injectedFiles];
/**
 * Secrets are given to the agent: its own process has them, and what it printed is in the journal of its runtime, which only root
 * can read, and in the runtime's own store in its home. Nowhere else.
 */
const atTheAgent =
  /^(?:organisation|scope) secret \(.+\) in (?:another user's environment|file local\/[^/]+\/(?:run\/gen\/\d+\/journal|home\/\.scripted\/[\w.-]+))$/;

describe('S13: secrets', () => {
  let run: CanaryRun;
  beforeAll(async () => {
    run = await canaryRun({});
  }, 120_000);
  afterAll(() => run.close());

  it('are where they belong only, after a day of work and a changed password', async () => {
    await run.start(run.planted.firstPassword);
    await workload(run, 'canary-agent', 'work <<write hello.txt hi>> <<bash env; id>> <<read hello.txt>> <<say done>>');
    await run.start(run.planted.password);
    await workload(run, 'canary-other', 'again <<bash cat /proc/self/environ>> <<fail 500>> <<say over>>').catch(
      (error: unknown) => run.note('a failed turn', String(error)),
    );
    const search = await run.search(documented);
    const hits = [...search.hits];
    expect(hits.filter((hit) => !atTheAgent.test(hit) && !hiddenPlace.test(hit))).toEqual([]);
    expect(hits.filter((hit) => hiddenPlace.test(hit))).not.toEqual([]);
    expect([...search.hits].filter((hit) => atTheAgent.test(hit))).not.toEqual([]);
    // It looked at something: logs, answers, tables, files; and it finds what lies in the place left out.
    expect(search.bytes).toBeGreaterThan(5_000_000);
    const control = [...(await run.search([])).hits].join('\n');
    expect(control).toMatch(/^master key \(.+\) in file master.key$/m);
    for (const name of ['variable', 'key file', 'tool server']) expect(control).toContain(`injected ${name} (`);
  }, 240_000);

  it('would be found in any form', () => {
    const canary: Canary = hatch('any');
    for (const [form, text] of formsOf(canary)) {
      const search = new Search([canary]);
      search.in('a text', Buffer.concat([Buffer.from('before '), text, Buffer.from(' after')]));
      expect({ form, hits: search.hits.size }).toEqual({ form, hits: search.hits.size || 1 });
    }
    for (const before of ['', 'a', 'ab', 'abc']) {
      const search = new Search([canary]);
      search.in('a text', Buffer.from(`${before}${canary.value}${before}`).toString('base64'));
      expect(search.hits.size).toBeGreaterThan(0);
    }
  });
});
