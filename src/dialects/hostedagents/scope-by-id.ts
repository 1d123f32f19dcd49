import {
  applyDecorators,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  UseGuards,
} from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { NotFound, Unexpected } from '../../core/errors/domain-error.js';
import { Groups, type SeenGroup } from '../../core/groups/groups.service.js';
import { principalOf } from '../../platform/http/access.js';
import { ownIdOf } from './words.js';

const scopes = new WeakMap<FastifyRequest, SeenGroup>();

/** Finds the scope of a path before its body is looked at: 401, then 404, then 400 (contract 1.1). */
@Injectable()
export class ScopeIdGuard implements CanActivate {
  constructor(private readonly groups: Groups) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: { scopeId: string } }>>();
    const who = principalOf(request);
    const id = ownIdOf(request.params.scopeId);
    if (!who || id === null) throw new NotFound('group', 'no such id');
    scopes.set(request, await this.groups.get(who, id));
    return true;
  }
}

/** For routes with `:scopeId`: `@TheScope()` hands the scope to the handler. */
export const ForScope = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    UseGuards(ScopeIdGuard),
    ApiParam({ name: 'scopeId', example: 'c0cj9w5y7ezv3vsbw0j8cq5h2d', description: 'Id of a scope' }),
  );

/** The scope of the path. Only for routes with `@ForScope`. */
export const TheScope = createParamDecorator((_: unknown, context: ExecutionContext): SeenGroup => {
  const scope = scopes.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!scope) throw new Unexpected(new Error('@TheScope() was used on a route without @ForScope'));
  return scope;
});
