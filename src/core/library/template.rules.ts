import { parse } from 'yaml';
import { githubRepoOf, resourcesOf, type Resources } from '../agents/agent.rules.js';
import { Invalid } from '../errors/domain-error.js';

/** Where a template lies: a folder of this installation, or a repository. */
export type TemplateRef =
  { readonly source: 'local'; readonly name: string } | { readonly source: 'github'; readonly repository: string };

export interface Credential {
  readonly name: string;
  readonly description: string;
}

/** What a `template.yaml` says that matters before an agent exists. */
export interface Template {
  readonly ref: TemplateRef;
  readonly displayName: string;
  readonly description: string;
  readonly mcpServers: readonly string[];
  /** Null: the wishes of whoever creates an agent hold. */
  readonly resources: Resources | null;
  readonly credentials: readonly Credential[];
}

export const isLocalName = (text: string): boolean =>
  /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(text) && !text.includes('..');

/** `local:x`, `github:owner/name`, or a bare name, which means `local:`. Throws `Invalid` for anything else. */
export function templateRefOf(text: string): TemplateRef {
  if (text.startsWith('github:')) return { source: 'github', repository: githubRepoOf(text.slice(7)) };
  const name = text.startsWith('local:') ? text.slice(6) : text;
  if (isLocalName(name)) return { source: 'local', name };
  throw new Invalid('Invalid template: use local:<name> or github:<owner>/<name>', [], 'invalid_template');
}

/** Could this text be a name that somebody gave an agent's origin, and no place at all? */
export const isLabel = (text: string): boolean =>
  /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,100}$/u.test(text) && !/[/\\:]|\.\./.test(text);

export const idOf = (ref: TemplateRef): string =>
  ref.source === 'local' ? `local:${ref.name}` : `github:${ref.repository}`;

type Mapping = Readonly<Record<string, unknown>>;

/** Reads and checks a `template.yaml`. Throws `Invalid` with what is wrong with it. */
export function templateFrom(ref: TemplateRef, document: string): Template {
  const content = mappingOf(ref, document);
  const name = ref.source === 'local' ? ref.name : ref.repository;
  return {
    ref,
    displayName: textOf(ref, content, 'display_name') ?? textOf(ref, content, 'name') ?? name,
    description: textOf(ref, content, 'description') ?? '',
    mcpServers: namesOf(ref, content['mcp_servers'], 'mcp_servers').map((one) => one.name),
    resources: resourcesIn(ref, content),
    credentials: credentialsOf(ref, content),
  };
}

function mappingOf(ref: TemplateRef, document: string): Mapping {
  let value: unknown;
  try {
    value = parse(document, { maxAliasCount: 20, logLevel: 'error' });
  } catch (error) {
    const [line = ''] = error instanceof Error ? error.message.split('\n') : [];
    throw bad(ref, `it is no YAML (${line.replace(/:$/, '')})`);
  }
  if (!isMapping(value)) throw bad(ref, 'it holds no fields');
  return value;
}

function resourcesIn(ref: TemplateRef, content: Mapping): Resources | null {
  const given = content['resources'];
  if (given === undefined || given === null) return null;
  if (!isMapping(given)) throw bad(ref, 'resources must have cpu and memory');
  try {
    return resourcesOf(given);
  } catch (error) {
    throw error instanceof Invalid ? bad(ref, error.message) : error;
  }
}

/** A list of names, or what is asked for by place: `{ mcp_servers: { x: { env_vars: [A] } }, env_file: [B] }`. */
function credentialsOf(ref: TemplateRef, content: Mapping): Credential[] {
  const asked = [content['required_credentials'], content['credentials']].flatMap((given) => {
    if (given === undefined || given === null) return [];
    if (Array.isArray(given)) return namesOf(ref, given, 'credentials');
    if (!isMapping(given)) throw bad(ref, 'credentials must be a list');
    const servers = isMapping(given['mcp_servers']) ? Object.values(given['mcp_servers']) : [];
    const variables = servers.flatMap((server) => (isMapping(server) ? [server['env_vars']] : []));
    return [given['env_file'], ...variables].flatMap((list) => namesOf(ref, list, 'credentials'));
  });
  for (const { name } of asked) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name)) throw bad(ref, 'a credential must be the name of a variable');
  }
  return [...new Map(asked.map((one) => [one.name, one])).values()];
}

/** Members are texts, or mappings with `name` and perhaps `description`. */
function namesOf(ref: TemplateRef, given: unknown, field: string): Credential[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given) || given.length > 1000) throw bad(ref, `${field} must be a list`);
  return (given as unknown[]).map((one) => {
    if (typeof one === 'string') return { name: one, description: '' };
    if (isMapping(one) && typeof one['name'] === 'string') {
      const { name, description } = one;
      return { name, description: typeof description === 'string' ? description : '' };
    }
    throw bad(ref, `${field} must hold names`);
  });
}

function textOf(ref: TemplateRef, content: Mapping, field: string): string | null {
  const value = content[field];
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value.trim();
  throw bad(ref, `${field} must be a text`);
}

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const bad = (ref: TemplateRef, why: string): Invalid =>
  new Invalid(`template.yaml of ${idOf(ref)} is not valid: ${why}`, [], 'invalid_template_file');

/** An `.env` to be filled in. */
export function envFileOf({ displayName, credentials }: Template): string {
  const lines = credentials.map(({ name, description }) => {
    const note = description.replace(/\s+/g, ' ').trim();
    return `${note === '' ? '' : `# ${note}\n`}${name}=\n`;
  });
  return [`# Credentials for ${displayName.replace(/\s+/g, ' ')}\n`, ...lines].join('');
}
