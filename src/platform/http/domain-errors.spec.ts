import { HttpException, ServiceUnavailableException } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';
import { NotFound } from '../../core/errors/domain-error.js';
import { toDomainError } from './domain-errors.js';

const kindOf = (thrown: unknown): string => toDomainError(thrown, '/x').kind;

describe('toDomainError', () => {
  it('leaves a domain error as it is', () => {
    const error = new NotFound('agent', 'a');
    expect(toDomainError(error, '/x')).toBe(error);
  });

  it.each<[string, unknown, string]>([
    ['a missed route', new HttpException('no', 404), 'not_found'],
    ['a bad request', new HttpException('no', 400), 'invalid'],
    ['a large body', new HttpException('no', 413), 'request'],
    ['a refusal by the framework', new ServiceUnavailableException(), 'unavailable'],
    [
      'an error of a Fastify plugin',
      Object.assign(new Error('no'), { name: 'FastifyError', statusCode: 406 }),
      'request',
    ],
    ['a database that is not there', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'unavailable'],
    ['a connection that was cut', new Error('Connection terminated unexpectedly'), 'unavailable'],
    ['a dead database worker', new Error('the database worker has ended'), 'unavailable'],
    [
      'the same, wrapped by the ORM',
      new QueryFailedError('select', [], Object.assign(new Error('bye'), { code: '57P01' })),
      'unavailable',
    ],
    ['a bug', new TypeError('x is not a function'), 'internal'],
    ['a thrown text', 'oops', 'internal'],
  ])('%s', (_what, thrown, kind) => {
    expect(kindOf(thrown)).toBe(kind);
  });
});
