/** Who calls, in the matrix. `own` things belong to the owner and are shared with `shared`. */
export const roles = [
  'anonymous',
  'expired', // a login that has run out
  'revoked', // a login that was signed out
  'suspended', // a login of a suspended account
  'other_issuer', // a login signed by another installation
  'other_api_key', // a working key, made for another API
  'narrow_key', // the owner's key, good for `logs:read` only
  'stranger', // another organisation
  'colleague', // a member of the owner's organisation, nothing shared
  'shared', // the agent is shared with their e-mail address
  'owner',
  'owner_key', // the owner's API key, good for everything the owner may do
  'admin',
  'agent_key', // the key that lives inside the own agent
] as const;
export type Role = (typeof roles)[number];

/** What is called upon. */
export const targets = ['own', 'foreign', 'unknown', 'deleted'] as const;
export type Target = (typeof targets)[number];

/** The contract's words for who may call; `keeper`: things of a single user, which nobody else may know, admins included. */
export type Who = 'open' | 'user' | 'access' | 'owner' | 'admin' | 'keeper';

export interface Row {
  readonly who: Who;
  /** Status for those who may call, on an agent that is stopped. */
  readonly ok: number;
  /** Roles that get another status than the word says, on the own thing; written out where a contract says so. */
  readonly but?: Readonly<Partial<Record<Role, number>>>;
  /** Routes that the narrow key is made for. */
  readonly narrow?: boolean;
}

export const strangersToAll: readonly Role[] = ['anonymous', 'expired', 'revoked', 'suspended', 'other_issuer'];

/** Whether a row is about one thing, so that all four targets make sense. */
export const isAboutOne = ({ who }: Row): boolean => who === 'access' || who === 'owner' || who === 'keeper';
