import { expanded, type Variables } from './environment.rules.js';
import { isObject } from './objects.js';

interface Pair {
  readonly name: string;
  readonly value: string;
}

/** A tool server as a runtime is told of it when a conversation is opened. */
export type McpServer =
  | {
      readonly name: string;
      readonly command: string;
      readonly args: readonly string[];
      readonly env: readonly Pair[];
    }
  | {
      readonly type: 'http' | 'sse';
      readonly name: string;
      readonly url: string;
      readonly headers: readonly Pair[];
    };

/** Which kinds beside plain processes a runtime can talk to, as it said itself. */
export interface McpAbilities {
  readonly http: boolean;
  readonly sse: boolean;
}

const mostServers = 50;

/** The servers of an `.mcp.json`, with variables replaced. What has no usable form, or cannot be used, is left out. */
export function mcpServersIn(text: string, variables: Variables, abilities: McpAbilities): McpServer[] {
  const servers = parsed(text);
  if (!isObject(servers)) return [];
  return Object.entries(servers)
    .slice(0, mostServers)
    .flatMap(([name, server]) => serverOf(name, server, variables, abilities) ?? []);
}

/** What a runtime said in its `initialize` answer. */
export function abilitiesOf(initialized: unknown): McpAbilities {
  const said = member(member(initialized, 'agentCapabilities'), 'mcpCapabilities');
  return { http: member(said, 'http') === true, sse: member(said, 'sse') === true };
}

function serverOf(name: string, server: unknown, variables: Variables, abilities: McpAbilities): McpServer | null {
  if (!isObject(server) || server['disabled'] === true) return null;
  const fill = (value: string): string => expanded(value, variables);
  const pairs = (map: unknown): Pair[] =>
    isObject(map)
      ? Object.entries(map).flatMap(([key, value]) =>
          typeof value === 'string' ? [{ name: key, value: fill(value) }] : [],
        )
      : [];
  const { type, command, args, env, url, headers } = server;
  if (typeof command === 'string' && (type === undefined || type === 'stdio')) {
    const words = Array.isArray(args) ? args.filter((word): word is string => typeof word === 'string') : [];
    return { name, command: fill(command), args: words.map(fill), env: pairs(env) };
  }
  const kind = type === 'sse' ? 'sse' : 'http';
  if (typeof url !== 'string' || !abilities[kind]) return null;
  return { type: kind, name, url: fill(url), headers: pairs(headers) };
}

const member = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);

function parsed(text: string): unknown {
  try {
    return member(JSON.parse(text), 'mcpServers');
  } catch {
    return null;
  }
}
