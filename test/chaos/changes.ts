import { Changes } from './change.js';
import { hostedagentsChanges } from './changes.hostedagents.js';
import { trinityChanges } from './changes.trinity.js';
import type { ChildServer } from './child-server.js';

/** Everything the mixed load changes in a round, of every dialect. A dialect joins with its line here. */
export function changesOf({ admin }: ChildServer, round: string): Changes {
  return new Changes([...trinityChanges(admin, round), ...hostedagentsChanges(admin, round)]);
}
