import { type Permission, permissions, type Principal, type Role } from '../access/principal.js';
import { Forbidden } from '../errors/domain-error.js';

const everything: ReadonlySet<Permission> = new Set(permissions);
const everythingButAdmin: ReadonlySet<Permission> = new Set(permissions.filter((name) => name !== 'admin'));

/** What each role may do at all. */
export const permissionsOf: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  admin: everything,
  creator: everythingButAdmin,
  operator: everythingButAdmin,
  user: everythingButAdmin,
};

/** @throws Forbidden the caller is no administrator */
export function requireAdmin(who: Principal): void {
  if (!who.permissions.has('admin')) throw new Forbidden('Admin access required', 'admin_only');
}
