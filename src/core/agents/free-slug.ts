import { randomBytes } from 'node:crypto';
import type { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { reservedNames } from './agent.rules.js';

/** Room for a number behind it. */
const longest = 48;

/** A plain name made of any text: `Build agent!` -> `build-agent`, and `agent` where no letter or digit of ASCII is left. */
export function plainNameOf(text: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, longest)
    .replace(/-+$/, '');
  if (plain === '') return 'agent';
  return reservedNames.has(plain) ? `${plain}-agent` : plain;
}

/** A name that no agent has: plain, or with a number, or after many numbers with a random word. */
export async function freeSlug(db: Pick<UnitOfWork, 'query'>, text: string): Promise<string> {
  const plain = plainNameOf(text);
  const rows = await db.query<{ slug: string }>(
    `select slug from agents where slug = $1 or (starts_with(slug, $2) and substr(slug, length($2) + 1) ~ '^[0-9]{1,6}$')`,
    [plain, `${plain}-`],
  );
  const taken = new Set(rows.map(({ slug }) => slug));
  if (!taken.has(plain)) return plain;
  for (let number = 2; number <= 1000; number += 1) {
    if (!taken.has(`${plain}-${number}`)) return `${plain}-${number}`;
  }
  return `${plain}-${randomBytes(4).toString('hex')}`;
}
