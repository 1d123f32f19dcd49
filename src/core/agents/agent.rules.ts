import { Invalid } from '../errors/domain-error.js';

/** Name of the system's own agent, whether there is one or not. */
export const systemAgentName = 'trinity-system';

/** Words that documented paths have where others have an agent's name. */
export const pathWords: ReadonlySet<string> = new Set([
  'context-stats',
  'autonomy-status',
  'activities',
  'deploy-local',
  'scheduler',
  'sync-health',
  'slots',
  'execution-stats',
  'permissions-edges',
]);

/** Names no agent may have. */
export const reservedNames: ReadonlySet<string> = new Set([systemAgentName, ...pathWords]);

const maxNameLength = 63;

/** Turns any text into an agent's name: `My agent!` -> `my-agent`. Throws when nothing is left, it is too long or reserved. */
export function slugOf(text: string): string {
  const slug = text
    .replace(/[^A-Za-z0-9_.-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .replace(/-+/g, '-')
    .replace(/-+$/, '')
    .toLowerCase();
  if (slug === '') throw new Invalid('Invalid agent name: use letters, digits, ".", "_" or "-"', [], 'invalid_name');
  return checked(slug);
}

/** As `slugOf`, with the stricter alphabet of a rename: no dots. */
export function renamedSlugOf(text: string): string {
  if (text.trim() === '') throw new Invalid('New name cannot be empty', [], 'empty_name');
  const slug = text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '-')
    .replace(/-+/g, '-')
    .replace(/^-+|-+$/g, '');
  if (slug === '') throw new Invalid('Invalid agent name: use letters, digits, "_" or "-"', [], 'invalid_name');
  return checked(slug);
}

function checked(slug: string): string {
  if (slug.length > maxNameLength) {
    throw new Invalid(`Agent name is too long: at most ${maxNameLength} characters`, [], 'name_too_long');
  }
  if (reservedNames.has(slug)) throw new Invalid(`Agent name '${slug}' is reserved`, [], 'reserved_name');
  return slug;
}

/** Does somebody attend this agent, so that approvals and questions wait for a person? */
export const attended = (agent: { readonly approvals: string; readonly autonomy: boolean }): boolean =>
  agent.approvals === 'ask' && !agent.autonomy;

/** Must its runtime ask before it acts? For a person, or because a rule decides what it may write. */
export const asksFirst = (
  agent: { readonly approvals: string; readonly autonomy: boolean; readonly readOnly: boolean },
  runtime: { readonly canAsk: boolean },
): boolean => attended(agent) || (agent.readOnly && runtime.canAsk);

export interface Resources {
  /** Cores as text: "2", "0.5". */
  readonly cpu: string;
  /** Memory as text: "4g", "512m". */
  readonly memory: string;
}

export const defaultResources: Resources = { cpu: '2', memory: '4g' };

/** Takes numbers or strings; a missing member gets its default. Throws on anything else. */
export function resourcesOf(
  input: { readonly cpu?: unknown; readonly memory?: unknown } | null | undefined,
): Resources {
  const cpu = textOf(input?.cpu) ?? defaultResources.cpu;
  const memory = textOf(input?.memory) ?? defaultResources.memory;
  if (!/^\d+(\.\d+)?$/.test(cpu) || Number(cpu) <= 0 || Number(cpu) > 1024) {
    throw new Invalid(
      'resources.cpu must be a positive number of cores, such as "2" or "0.5"',
      [],
      'invalid_resources',
    );
  }
  const bytes = memoryBytes(memory);
  if (bytes === null || bytes < 32 * 1024 * 1024 || bytes > 2 ** 50) {
    throw new Invalid(
      'resources.memory must be a size of at least 32m, such as "512m" or "4g"',
      [],
      'invalid_resources',
    );
  }
  return { cpu, memory };
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (typeof value === 'string') return value.trim();
  return '';
}

const units: Record<string, number> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** "4g" -> bytes; null when it is no size. */
export function memoryBytes(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)([bkmg]?)i?$/i.exec(text);
  const unit = units[(match?.[2] ?? '').toLowerCase()];
  if (!match?.[1] || unit === undefined) return null;
  return Math.round(Number(match[1]) * unit);
}

/** `owner/name` of a GitHub repository. */
export function githubRepoOf(text: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\/[A-Za-z0-9_.-]{1,100}$/.test(text)) return text;
  throw new Invalid('github_repo must have the form owner/name', [], 'invalid_github_repo');
}
