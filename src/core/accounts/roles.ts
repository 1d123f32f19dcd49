import { type Permission, permissions, type Role } from '../access/principal.js';

const everything: ReadonlySet<Permission> = new Set(permissions);
const everythingButAdmin: ReadonlySet<Permission> = new Set(permissions.filter((name) => name !== 'admin'));

/** What each role may do at all. */
export const permissionsOf: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  admin: everything,
  creator: everythingButAdmin,
  operator: everythingButAdmin,
  user: everythingButAdmin,
};
