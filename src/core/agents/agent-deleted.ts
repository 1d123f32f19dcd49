import { Conflict } from '../errors/domain-error.js';

/** For callers whose agent somebody deletes while they wait for it, or are about to use it. */
export const agentDeleted = (): Conflict => new Conflict('The agent was deleted meanwhile', 'agent_deleted');
