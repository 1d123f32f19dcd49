import { expectedByTrinity } from './trinity.js';
import type { Role, Row, Target } from './words.js';

/** What a door answers that opens. */
export const opens = 101;
// Its only callers are programs with a key.
const noLogin = { stranger: 401, colleague: 401, shared: 401, owner: 401, admin: 401 } as const;

/** Ways in that no OpenAPI document names: sockets, by the path they are registered with. One without a row fails, and so does a row without one. */
export const socketRows: Readonly<Record<string, Row>> = {
  '/ws': { who: 'user', ok: opens },
  '/ws/events': { who: 'user', ok: opens, but: noLogin },
  // A shell is more than what the API lets a guest do, and is nothing for what an agent was talked into.
  '/api/agents/{name}/terminal': { who: 'owner', ok: opens },
};

/** Contract 15: the same order of questions as for a call. */
export const expectedAtDoor = (row: Row, role: Role, target: Target): number => expectedByTrinity(row, role, target);

/** Whose keys open an agent over SSH, as long as they could have been granted: its owner's and an administrator's. */
export const sshOpens: Readonly<Record<string, readonly Target[]>> = {
  owner: ['own'],
  outsider: ['foreign'],
  admin: ['own', 'foreign'],
  shared: [],
  stranger: [],
  colleague: [],
  suspended: [],
};
