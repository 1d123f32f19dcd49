import { resourcesIn } from '../../core/instances/instance-spec.js';
import { Injectable } from '@nestjs/common';
import { parse } from 'yaml';
import type { Principal } from '../../core/access/principal.js';
import { TimedOut } from '../../core/errors/domain-error.js';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { ChannelError } from '../../core/instances/channel.port.js';
import { AgentFiles } from '../../core/instances/agent-files.service.js';
import { statusOf } from './words.js';

const places = ['template.yaml', 'workspace/template.yaml'];
const texts = ['name', 'display_name', 'tagline', 'description', 'version', 'author', 'updated'] as const;
const lists = [
  'use_cases',
  'capabilities',
  'sub_agents',
  'commands',
  'platforms',
  'tools',
  'skills',
  'mcp_servers',
] as const;

/** What an agent's `template.yaml` says of it (contract section 5). */
@Injectable()
export class InfoReader {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly files: AgentFiles,
  ) {}

  async read(who: Principal, name: string): Promise<Record<string, unknown>> {
    const { agent, instance } = await this.directory.get(who, name);
    const status = statusOf(instance?.state ?? null);
    const resources = resourcesIn(agent);
    const template_name = agent.template ?? '';
    const common = { agent_name: agent.slug, template_name, type: agent.type, resources, status };
    if (status !== 'running') {
      const message = 'Agent is not running. Start it to see what its template says.';
      return { has_template: template_name !== '', ...common, message };
    }
    const found = await this.find(who, agent.slug);
    if (found) return { has_template: true, template_path: found.path, ...common, ...described(found.content) };
    return { has_template: false, ...common, message: 'This agent has no template.yaml' };
  }

  private async find(who: Principal, slug: string): Promise<{ path: string; content: Record<string, unknown> } | null> {
    try {
      for (const path of places) {
        const text = await this.files.text(who, slug, path);
        const content = text === null ? null : mapping(text);
        if (content) return { path: `/home/developer/${path}`, content };
      }
      return null;
    } catch (error) {
      if (error instanceof ChannelError) throw new TimedOut('Agent is starting up, please try again', 'starting_up');
      throw error;
    }
  }
}

function described(content: Record<string, unknown>): Record<string, unknown> {
  const view: Record<string, unknown> = {};
  for (const field of texts) view[field] = textOf(content[field]);
  for (const field of lists) view[field] = listOf(content[field]);
  return view;
}

function mapping(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = parse(text, { maxAliasCount: 20 });
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return value as Record<string, unknown>;
  } catch {
    return null;
  }
}

const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
};

/** Members are texts or `{name, description}`; anything else is left out. */
function listOf(value: unknown): (string | { name: string; description: string })[] {
  if (!Array.isArray(value)) return [];
  return (value as unknown[]).flatMap((member): (string | { name: string; description: string })[] => {
    if (typeof member === 'string') return [member];
    const { name, description } = (member ?? {}) as { name?: unknown; description?: unknown };
    return typeof name === 'string' ? [{ name, description: textOf(description) }] : [];
  });
}
