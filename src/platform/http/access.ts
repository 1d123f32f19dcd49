import {
  applyDecorators,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Authenticator } from '../../core/access/authenticator.port.js';
import type { Permission, Principal } from '../../core/access/principal.js';
import { Forbidden, Unauthenticated, Unexpected } from '../../core/errors/domain-error.js';
import { dialectOf } from './mount.js';

/** Metadata key of what a route declares: a permission, or `public`. */
export const ACCESS = 'flotilla:access';

/** Code of the error when a request brought no credential at all. */
export const NO_CREDENTIAL = 'credential_missing';
/** Code of the error when the credential it brought is not (or no longer) good. */
export const BAD_CREDENTIAL = 'credential_invalid';

/** Declares what a caller needs. A route with neither `@Requires` nor `@Public` refuses everyone. */
export const Requires = (permission: Permission): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(ACCESS, permission), ApiExtension('x-permission', permission));

/** Declares that anybody may call. `test/arch/access.spec.ts` keeps the short list of such routes. */
export const Public = (): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(ACCESS, 'public'), ApiExtension('x-permission', 'public'));

const callers = new WeakMap<FastifyRequest, Principal>();

/** The caller of a request that passed the guard; null on public routes. */
export const principalOf = (request: FastifyRequest): Principal | null => callers.get(request) ?? null;

/** Hands the caller to a handler. Only for routes with `@Requires`. */
export const Who = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const principal = principalOf(context.switchToHttp().getRequest<FastifyRequest>());
  if (!principal) throw new Unexpected(new Error('@Who() was used on a route without @Requires'));
  return principal;
});

/** Authenticates the request and checks what its route declares. Denies by default. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const targets = [context.getHandler(), context.getClass()];
    const needed = this.reflector.getAllAndOverride<Permission | 'public' | undefined>(ACCESS, targets);
    if (needed === 'public') return true;

    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const principal = await authenticated(this.authenticator, request, needed);
    if (!needed) throw new Forbidden('This route declares no access, so nobody may call it', 'no_access_declared');
    if (!principal.permissions.has(needed)) {
      throw new Forbidden(`This call needs the permission ${needed}`, 'permission_missing');
    }
    callers.set(request, principal);
    return true;
  }
}

/** Who a request comes from, for a route that needs this permission; none: for any. Throws `Unauthenticated`. */
export async function authenticated(
  authenticator: Authenticator,
  request: FastifyRequest,
  needed?: Permission,
): Promise<Principal> {
  const dialect = dialectOf(request);
  const credential = dialect?.credential(request.headers) ?? null;
  if (!dialect || !credential) throw new Unauthenticated('Not authenticated', NO_CREDENTIAL);
  const principal = await authenticator.authenticate(credential, dialect.name);
  const login = principal?.via.kind === 'login';
  const refused = login && dialect.loginsFor && (!needed || !dialect.loginsFor.includes(needed));
  if (!principal || refused) throw new Unauthenticated('Could not validate credentials', BAD_CREDENTIAL);
  return principal;
}
