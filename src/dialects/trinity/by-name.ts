import { applyDecorators, type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { pathWords } from '../../core/agents/agent.rules.js';
import { NotFound } from '../../core/errors/domain-error.js';
import { sentUrl } from '../../platform/http/mount.js';
import { MayBeStale } from './stale-marker.js';

const words: Readonly<Record<string, ReadonlySet<string>>> = { name: pathWords, key: new Set(['email-whitelist']) };

/**
 * Documented words such as `context-stats` are never taken for the name of an agent or a setting: without a route of
 * their own they are absent.
 */
@Injectable()
export class PathWordsGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: Record<string, string> }>>();
    for (const [param, taken] of Object.entries(words)) {
      if (taken.has(request.params[param] ?? '')) throw new NotFound('route', sentUrl(request));
    }
    return true;
  }
}

/** For routes with `:name` in their path: an agent by its name. */
export const ByName = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    UseGuards(PathWordsGuard),
    MayBeStale(),
    ApiParam({ name: 'name', example: 'hello', description: "The agent's name" }),
  );
