import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { roles, type Principal } from '../../core/access/principal.js';
import { githubRepoOf, resourcesOf, slugOf } from '../../core/agents/agent.rules.js';
import { Forbidden, Invalid } from '../../core/errors/domain-error.js';
import type { NewAgent } from '../../core/instances/agent-lifecycle.service.js';
import { Runtimes } from '../../core/runtimes/runtime.port.js';
import type { CreateAgentBody } from './agents.dto.js';
import { stockImage } from './words.js';

/** Reads what a create request asks for, in this API's words, and checks it (contract section 4). */
@Injectable()
export class AgentWishes {
  constructor(
    private readonly config: Config,
    private readonly runtimes: Runtimes,
  ) {}

  of(who: Principal, body: CreateAgentBody): NewAgent {
    this.requireRole(who);
    const slug = slugOf(body.name);
    const type = textOr(body.type, 'business-assistant');
    if (type.length > 64) throw new Invalid('type is too long: at most 64 characters', [], 'invalid_type');
    const runtime = this.runtimes.get(textOr(body.runtime, this.runtimes.fallback)).name;
    requireStockImage(body.base_image);
    return {
      slug,
      displayName: slug,
      type,
      runtime,
      model: body.runtime_model?.trim() || null,
      template: templateOf(body.template),
      instructions: body.custom_instructions?.trim() || null,
      githubRepo: repoOf(body.github_repo),
      resources: resourcesOf(body.resources),
      approvals: 'auto',
    };
  }

  private requireRole(who: Principal): void {
    const needed = this.config.trinity.createMinRole;
    // Roles are listed strongest first.
    if (roles.indexOf(who.role) <= roles.indexOf(needed)) return;
    throw new Forbidden(`Creating agents needs the role ${needed}`, 'role_too_weak');
  }
}

const textOr = (text: string | undefined, fallback: string): string => text?.trim() || fallback;

function requireStockImage(image: string | undefined): void {
  if (!image || image === stockImage || image.startsWith(`${stockImage}:`)) return;
  throw new Forbidden('This base image is not allowed', 'image_not_allowed');
}

/** Repositories are not cloned yet: refusing is honest, an empty workspace would not be. */
function repoOf(given: string | undefined): null {
  if (!given) return null;
  githubRepoOf(given);
  throw new Invalid('github_repo is not supported by this version yet', [], 'github_repo_unsupported');
}

/** The label of a template. Only its form is checked here: a name without a template is kept as a label. */
function templateOf(given: string | undefined): string | null {
  const text = given?.trim() ?? '';
  if (text === '') return null;
  const local = /^(?:local:)?([A-Za-z0-9][A-Za-z0-9_.-]{0,99})$/.exec(text)?.[1];
  if (local !== undefined && !local.includes('..')) return text;
  if (text.startsWith('github:')) {
    throw new Invalid('Unknown template: templates from GitHub are not offered', [], 'unknown_template');
  }
  throw new Invalid('Invalid template: use local:<name>', [], 'invalid_template');
}
