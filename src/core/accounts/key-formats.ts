/** What a dialect accepts to say who is calling. */
interface CredentialRules {
  /** First characters of its API keys; no two dialects share one. null: it has no keys of its own. */
  readonly keyPrefix: string | null;
  /** How many first characters are kept to tell keys apart. */
  readonly shown: number;
  /** Whether people who signed in may call it. */
  readonly logins: boolean;
  /** Its keys reach only agents of the organisation they were made for. Left out: all that their user may see. */
  readonly bound?: boolean;
  /** Name under which an agent's processes find the key of their own, if they get one. */
  readonly agentVariable?: string;
}

const rules: Readonly<Record<string, CredentialRules>> = {
  trinity: { keyPrefix: 'trinity_mcp_', shown: 20, logins: true, agentVariable: 'TRINITY_MCP_API_KEY' },
  hostedagents: { keyPrefix: 'ha_live_', shown: 12, logins: true, bound: true },
  console: { keyPrefix: null, shown: 0, logins: true },
};

const nothing: CredentialRules = { keyPrefix: null, shown: 0, logins: false };

/** A dialect nobody listed accepts nothing. */
export function credentialRulesOf(dialect: string): CredentialRules {
  return Object.hasOwn(rules, dialect) ? (rules[dialect] ?? nothing) : nothing;
}

/** Which dialects give agents a key of their own, and how it is called there. */
export const agentVariables: readonly (readonly [string, string])[] = Object.entries(rules).flatMap(
  ([dialect, { agentVariable }]) => (agentVariable === undefined ? [] : [[dialect, agentVariable] as const]),
);
