import {
  applyDecorators,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
  UseGuards,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiParam } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Access } from '../../core/access/access.service.js';
import type { Right } from '../../core/access/principal.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { NotFound, Unexpected } from '../../core/errors/domain-error.js';
import { principalOf } from '../../platform/http/access.js';
import { ownIdOf } from './words.js';

const RIGHT = 'hostedagents:right';
const agents = new WeakMap<FastifyRequest, Agent>();

/** Finds the agent of a path before its body is looked at: 401, then 404, then 400 (contract 1.1). */
@Injectable()
export class AgentIdGuard implements CanActivate {
  constructor(
    private readonly access: Access,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: { agentId: string } }>>();
    const right = this.reflector.getAllAndOverride<Right>(RIGHT, [context.getHandler(), context.getClass()]);
    const who = principalOf(request);
    const id = ownIdOf(request.params.agentId);
    if (!who || id === null) throw new NotFound('agent', 'no such id');
    agents.set(request, await this.access.agent(who, { id }, right));
    return true;
  }
}

/** For routes with `:agentId`: the caller must have this right on the agent, which `@TheAgent()` hands to the handler. */
export const ForAgent = (right: Right): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(RIGHT, right),
    UseGuards(AgentIdGuard),
    ApiParam({ name: 'agentId', example: 'c0cj9w5y7ezv3vsbw0j8cq5h2d', description: 'Id of an agent' }),
  );

/** The agent of the path. Only for routes with `@ForAgent`. */
export const TheAgent = createParamDecorator((_: unknown, context: ExecutionContext): Agent => {
  const agent = agents.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!agent) throw new Unexpected(new Error('@TheAgent() was used on a route without @ForAgent'));
  return agent;
});
