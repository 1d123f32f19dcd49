import { QueryFailedError } from 'typeorm';
import { JsonLogger } from './logger.js';
import { registerSecret } from './redaction.js';
import { requestContext } from './request-context.js';

describe('JsonLogger', () => {
  let lines: string[];
  let logger: JsonLogger;
  beforeEach(() => {
    lines = [];
    logger = new JsonLogger('info', { write: (line) => lines.push(line) });
  });
  const last = () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>;

  it('writes one JSON line with level, time, context and request id', () => {
    requestContext.run({ requestId: 'r-1' }, () => logger.log('started', 'AgentsService'));
    expect(last()).toEqual({
      level: 'info',
      time: expect.any(String) as string,
      context: 'AgentsService',
      requestId: 'r-1',
      msg: 'started',
    });
  });

  it('keeps lines below the level out', () => {
    logger.debug('details', 'X');
    expect(lines).toEqual([]);
  });

  it('describes errors and their causes, without the values they carry', () => {
    const cause = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (email)=(me@x) exists' });
    logger.error('could not save', new QueryFailedError('insert', ['canary-parameter'], cause), 'Db');
    expect(last()).toMatchObject({ context: 'Db', error: { type: 'QueryFailedError', message: 'duplicate key' } });
    expect(lines.join()).not.toContain('canary-parameter');
    expect(lines.join()).not.toContain('me@x');
  });

  it('takes a stack given as text, as Nest does', () => {
    logger.error('broke', 'Error: broke\n    at x', 'Ctx');
    expect(last()).toMatchObject({ msg: 'broke', stack: 'Error: broke\n    at x', context: 'Ctx' });
  });

  it('seals values by name', () => {
    logger.log({ user: 'a', password: 'p1', headers: { authorization: 'Bearer t1', 'x-api-key': 'k1' } }, 'X');
    expect(last()).toMatchObject({ user: 'a', password: '[sealed]', headers: { authorization: '[sealed]' } });
    expect(lines.join()).not.toMatch(/p1|t1|k1/);
  });

  it('seals what the addresses of agents and sessions carry', () => {
    const capability = 'Ab-_'.repeat(12);
    const url = `https://x.example/s/${capability}`;
    logger.warn(`GET ${url}/stream?a=1 and /a/${capability} failed`, new Error(encodeURIComponent(url)), 'X');
    expect(lines.join()).not.toContain(capability);
    expect(last()).toMatchObject({ msg: 'GET https://x.example/s/[sealed]/stream?a=1 and /a/[sealed] failed' });
  });

  it('seals registered secrets wherever they appear', () => {
    const secret = 'canary"+/secret?&';
    registerSecret(secret);
    logger.error(new Error(`failed with ${secret}`), 'X');
    logger.log(`${encodeURIComponent(secret)} ${Buffer.from(secret).toString('base64')}`);
    logger.log({ deep: { deeper: { text: secret } } });
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      expect(line).not.toContain('canary');
      expect(line).not.toContain(Buffer.from(secret).toString('base64').slice(0, -2));
    }
  });

  it('survives what cannot be written as JSON', () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    logger.log(loop, 'X');
    logger.log(undefined);
    expect(lines).toHaveLength(2);
  });
});
