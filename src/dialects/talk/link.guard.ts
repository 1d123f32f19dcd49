import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Unexpected } from '../../core/errors/domain-error.js';
import { type AgentLink, Links, type SessionLink } from '../../core/links/links.service.js';

const opened = new WeakMap<FastifyRequest, AgentLink | SessionLink>();

const capabilityIn = (request: FastifyRequest): string => (request.params as { capability?: string }).capability ?? '';

/** Opens the address of a conversation before anything else is looked at: a wrong one learns nothing from its body's mistakes. */
@Injectable()
export class SessionLinkGuard implements CanActivate {
  constructor(private readonly links: Links) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    opened.set(request, await this.links.session(capabilityIn(request)));
    return true;
  }
}

/** As `SessionLinkGuard`, for the address of an agent. */
@Injectable()
export class AgentLinkGuard implements CanActivate {
  constructor(private readonly links: Links) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    opened.set(request, await this.links.agent(capabilityIn(request)));
    return true;
  }
}

/** Hands what the address leads to to a handler behind one of the guards. */
export const Linked = createParamDecorator((_: unknown, context: ExecutionContext): AgentLink | SessionLink => {
  const link = opened.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!link) throw new Unexpected(new Error('@Linked() was used on a route without a guard that opens addresses'));
  return link;
});
