import { LinkAddresses } from '../../../src/core/links/link-addresses.js';
import { namedIdOf, publicIdOf } from '../../../src/dialects/hostedagents/words.js';
import type { Fleet } from '../../support/fleet.js';
import type { Operation } from './operations.js';
import { secretKey, type Thing } from './things.js';

/** A thing, and what its user has beside it. */
export interface Known {
  readonly thing: Thing;
  /** Ids of a key of the trinity API and of a token of the Hosted Agents API. */
  readonly keyId: string;
  readonly tokenId: string;
  readonly email: string;
  readonly username: string;
  readonly settingKey: string;
}

/** Which thing an `{id}` means, by the path around it; otherwise it is a session. A new kind of id is a line here. */
const ids: readonly (readonly [RegExp, (known: Known) => string])[] = [
  [/\/keys\//, ({ keyId }) => keyId],
  [/\/approvals\//, ({ thing }) => thing.approvalId],
  [/\/questions\//, ({ thing }) => thing.questionId],
  [/^\/turns\//, ({ thing }) => thing.turnId],
  [/\/schedules\//, ({ thing }) => thing.scheduleId],
  [/\/executions\//, ({ thing }) => thing.executionId],
  [/\/ssh-credentials\//, ({ thing }) => thing.sshCredentialId],
  [/\/templates\//, () => 'local:default'],
  [/\/sessions\//, ({ thing }) => thing.sessionId],
];

/** What each name in the path of an operation stands for. A name that nobody knows here fails. */
export function namesFor(fleet: Pick<Fleet, 'app'>, { path, name }: Operation, known: Known): Record<string, string> {
  const { thing } = known;
  const id = ids.find(([where]) => where.test(path))?.[1](known);
  const values: Readonly<Record<string, string | undefined>> = {
    name: path.includes('/files/{name}') ? 'a.txt' : thing.slug,
    id,
    toolId: thing.toolId,
    email: known.email,
    key: path.startsWith('/api/v1/') ? secretKey : known.settingKey,
    scopeId: publicIdOf(thing.groupId),
    username: known.username,
    tokenId: known.tokenId,
    agentId: publicIdOf(thing.agentId),
    sessionId: namedIdOf('session', thing.sessionId),
    permissionId: namedIdOf('approval', thing.approvalId),
    questionId: namedIdOf('question', thing.questionId),
    capability: capabilityOf(fleet, path, thing),
    target: thing.slug,
    tag: 'prod',
    owner: 'acme',
    repository: 'app',
  };
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, word]) => word ?? '');
  return Object.fromEntries(
    names.map((word) => {
      const value = values[word];
      if (value === undefined) throw new Error(`${name}: say in support/paths.ts what {${word}} is`);
      return [word, value];
    }),
  );
}

/** The path of an operation with every name filled in. */
export function pathOf(fleet: Pick<Fleet, 'app'>, operation: Operation, known: Known): string {
  const names = namesFor(fleet, operation, known);
  return operation.path.replace(/\{(\w+)\}/g, (_, word: string) => names[word] ?? '');
}

/** Last part of the address of an agent or of a conversation. */
function capabilityOf({ app }: Pick<Fleet, 'app'>, path: string, { agentId, sessionId }: Thing): string {
  const addresses = app.get(LinkAddresses);
  const url = path.startsWith('/a/') ? addresses.agentUrl(agentId) : addresses.sessionUrl(sessionId);
  return url.split('/').at(-1) ?? '';
}
