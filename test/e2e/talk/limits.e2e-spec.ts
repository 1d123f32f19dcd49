import { Logger } from '@nestjs/common';
import { JsonLogger } from '../../../src/platform/logging/logger.js';
import { LinkAddresses } from '../../../src/core/links/link-addresses.js';
import { EventStream } from '../../support/event-stream.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';

describe('an address that is misused', () => {
  let fleet: Fleet;
  /** Paths of two conversations. */
  let own: string;
  let other: string;
  beforeAll(async () => {
    fleet = await bootFleet();
    const begin = async (name: string): Promise<string> => {
      await fleet.givenAgent(name);
      const { body } = await fleet.admin.post(`/~console/agents/${name}/messages`, { message: '<<say hi>>' });
      return new URL(fleet.app.get(LinkAddresses).sessionUrl(String(body['session_id']))).pathname;
    };
    own = await begin('one');
    other = await begin('two');
  }, 180_000);
  afterAll(() => fleet.close());

  it('is followed by a number of readers, not by any number', async () => {
    const all = await Promise.all(
      Array.from({ length: 51 }, () => EventStream.open(`${fleet.url}${own}/stream`, null)),
    );
    for (const stream of all) void stream.close();
    expect(all.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(1);
    expect(all.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(45);
  });

  it('takes 600 calls a minute, counted by address', async () => {
    let last = 0;
    for (let n = 0; n < 610 && last !== 429; n += 1) last = (await fleet.request('GET', `${other}/state`)).status;
    expect(last).toBe(429);
    expect((await fleet.request('GET', `${own}/state`)).status).toBe(200);
  });
});

describe('with FLOTILLA_EMBED_ORIGINS, and a log that says everything', () => {
  it('only the pages named may show it in a frame, and no address is written anywhere', async () => {
    const lines: string[] = [];
    const fleet = await bootFleet({
      env: { FLOTILLA_EMBED_ORIGINS: 'https://app.example.com, https://b.example.com' },
      logger: new JsonLogger('debug', { write: (line) => lines.push(line) }),
    });
    const { headers } = await fleet.request('GET', `/s/${'A'.repeat(48)}`);
    expect(headers.get('content-security-policy')).toMatch(
      /; frame-ancestors https:\/\/app\.example\.com https:\/\/b\.example\.com$/,
    );
    await fleet.givenAgent('quiet');
    const { body } = await fleet.admin.post('/~console/agents/quiet/messages', { message: '<<say hi>>' });
    const url = fleet.app.get(LinkAddresses).sessionUrl(String(body['session_id']));
    const path = new URL(url).pathname;
    const capability = path.split('/').at(-1) ?? '';
    for (const rest of ['', '/state', '/messages', '/nothing', '/stream?follow=false', '/%zz', '/state?x=%00']) {
      await fleet.request('GET', path + rest);
      await fleet.request('POST', path + rest, { body: '{bad', headers: { 'content-type': 'application/json' } });
    }
    await fleet.request('POST', `${path}/messages`, { json: { message: '<<bash env>><<say done>>' } });
    await until('both turns have ended', async () => {
      const [row] = await fleet.db.query<{ n: number }>(
        `select count(*)::int as n from turns where state not in ('queued', 'running')`,
      );
      return row?.n === 2;
    });
    new Logger('Test').warn(`GET ${url} failed`);
    const stored: string[] = [];
    for (const table of [
      'outbox',
      'audit',
      'session_events',
      'turns',
      'activities',
      'settings',
      'sessions',
      'agents',
    ]) {
      const rows = await fleet.db.query(`select * from ${table}`);
      stored.push(JSON.stringify(rows));
    }
    await fleet.close();
    expect(lines.join('')).toContain('/s/[sealed] failed');
    expect(lines.filter((line) => line.includes(capability))).toEqual([]);
    expect(stored.filter((text) => text.includes(capability))).toEqual([]);
  }, 180_000);
});
