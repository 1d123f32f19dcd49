import type { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { User } from './user.entity.js';

/** User name of the first administrator. */
export const firstAdmin = 'admin';

/** Set up means: the first administrator has a password. */
export async function isSetUp(db: UnitOfWork): Promise<boolean> {
  const admin = await db.of(User).findOneBy({ username: firstAdmin });
  return admin !== null && admin.passwordHash !== null;
}
