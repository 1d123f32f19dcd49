/** What a caller's role or key may do at all. What they may do to one thing is a `Right`. */
export const permissions = [
  'account', // own profile, own keys, sign-out
  'agents:read',
  'agents:write',
  'sessions:read',
  'sessions:write',
  'files:read',
  'files:write',
  'logs:read',
  'events:read',
  'approvals:answer',
  'admin', // users, settings of the installation
] as const;
export type Permission = (typeof permissions)[number];

/** What a caller may do to one thing, weakest first. */
export const rights = ['view', 'operate', 'own'] as const;
export type Right = (typeof rights)[number];

export const roles = ['admin', 'creator', 'operator', 'user'] as const;
export type Role = (typeof roles)[number];

/** Who is calling. Every core method that touches owned data takes one as its first argument. */
export interface Principal {
  readonly userId: string;
  readonly username: string;
  /** Only once they have proven that it is theirs. */
  readonly email: string | null;
  readonly role: Role;
  /** The organisation new things are made in: the user's personal one unless the key says otherwise. */
  readonly orgId: string;
  /** All organisations the caller belongs to. */
  readonly orgIds: readonly string[];
  /** The only organisation whose agents are reached, whatever else its user may see; left out: no such bound. */
  readonly within?: string;
  readonly permissions: ReadonlySet<Permission>;
  /** How they signed in. A key of scope `agent`, and an address that carries access, act for one agent only. */
  readonly via:
    | { readonly kind: 'login'; readonly jti: string; readonly expiresAt: Date }
    | { readonly kind: 'key'; readonly keyId: string; readonly agentId: string | null }
    | { readonly kind: 'link'; readonly agentId: string; readonly sessionId: string }
    | { readonly kind: 'system' };
}

/** The one agent a caller is bound to, whatever else its user may reach; null: it is not bound. */
export function boundTo({ via }: Pick<Principal, 'via'>): string | null {
  return via.kind === 'key' || via.kind === 'link' ? via.agentId : null;
}

export const isAdmin = (who: Principal): boolean => who.role === 'admin';
