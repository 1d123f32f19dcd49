import { appendFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { LogFollowers } from '../../../src/core/instances/log-followers.service.js';
import { EventStream } from '../../support/event-stream.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';

describe('the stream of logs', () => {
  let fleet: Fleet;
  const streams: EventStream[] = [];
  beforeAll(async () => {
    fleet = await bootFleet();
    await fleet.givenAgent('loud');
  });
  afterEach(async () => {
    await Promise.all(streams.splice(0).map((stream) => stream.close()));
  });
  afterAll(() => fleet.close());

  const url = '/~console/agents/loud/logs/stream';
  async function open(query = ''): Promise<EventStream> {
    const stream = await EventStream.open(fleet.url + url + query, fleet.admin.token);
    streams.push(stream);
    return stream;
  }
  const textOf = (stream: EventStream): string =>
    stream
      .of('text')
      .map(({ data }) => String(data.text))
      .join('');
  /** As if the container had printed it. */
  const print = async (words: string): Promise<void> => {
    const { id } = await fleet.instanceOf('loud');
    appendFileSync(path.join(fleet.dataDir, 'local', id, 'log', 'output.log'), words);
  };

  it('brings what there is and ends, when not followed', async () => {
    await print('one\ntwo ü\n');
    const stream = await open('?follow=false');
    await stream.ended;
    expect(stream.events[0]?.event).toBe('start');
    expect(textOf(stream)).toMatch(/one\ntwo ü\n$/);
    expect(stream.events.at(-1)?.event).toBe('end');
  });

  it('shares one stream of the engine between followers, which ends with the last one', async () => {
    const followers = fleet.app.get(LogFollowers);
    const one = await open();
    await until('the first has it', () => textOf(one).includes('two ü'));
    const two = await open();
    await print('three\n');
    await until('both have it', () => textOf(one).endsWith('three\n') && textOf(two).endsWith('three\n'));
    expect(textOf(two)).toBe(textOf(one));
    expect(followers.open).toBe(1);
    await one.close();
    expect(followers.open).toBe(1);
    await two.close();
    await until('it is closed', () => followers.open === 0);
  });

  it('says that the agent stopped, and begins anew when it starts', async () => {
    const stream = await open();
    await until('it has begun', () => stream.of('start').length === 1);
    await fleet.admin.post('/api/agents/loud/stop');
    await until('it says so', () => stream.of('waiting').at(-1)?.data.reason === 'stopped');
    await fleet.admin.post('/api/agents/loud/start');
    await until('it begins anew', () => stream.of('start').length === 2);
    await print('after the start\n');
    await until('it goes on', () => textOf(stream).endsWith('after the start\n'));
  });

  it('leaves out what a slow reader cannot take, and says so, without holding up others', async () => {
    const { port, hostname } = new URL(fleet.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('error', () => undefined).on('data', (data) => (text += data.toString('utf8')));
    socket.write(`GET ${url} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${fleet.admin.token ?? ''}\r\n\r\n`);
    await until('it hears', () => text.includes('event: text'));
    socket.pause();
    const quick = await open();
    for (let part = 1; part <= 16; part += 1) {
      await print(`${`${part} ${'x'.repeat(1000)}\n`.repeat(1024)}part ${part} ends\n`);
      await until('the quick one has it', () => textOf(quick).includes(`part ${part} ends`));
    }
    socket.resume();
    await until('the slow one is told', () => text.includes('event: skipped'));
    await until('and has the end', () => text.includes('part 16 ends'));
    socket.destroy();
  });
});
