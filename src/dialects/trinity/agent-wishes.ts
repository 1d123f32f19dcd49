import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { roles, type Principal } from '../../core/access/principal.js';
import { githubRepoOf, resourcesOf, slugOf } from '../../core/agents/agent.rules.js';
import { Forbidden, Invalid } from '../../core/errors/domain-error.js';
import type { NewAgent } from '../../core/instances/agent-making.service.js';
import { Repositories } from '../../core/library/repositories.port.js';
import { Templates } from '../../core/library/templates.service.js';
import { Runtimes } from '../../core/runtimes/runtime.port.js';
import type { CreateAgentBody } from './agents.dto.js';
import { stockImage } from './words.js';

/** Reads what a create request asks for, in this API's words, and checks it (contract section 4). */
@Injectable()
export class AgentWishes {
  constructor(
    private readonly config: Config,
    private readonly runtimes: Runtimes,
    private readonly templates: Templates,
    private readonly repositories: Repositories,
  ) {}

  /** What a request says wrong is refused before anybody else is asked. */
  async of(who: Principal, body: CreateAgentBody): Promise<NewAgent> {
    this.requireRole(who);
    const slug = slugOf(body.name);
    const type = textOr(body.type, 'business-assistant');
    if (type.length > 64) throw new Invalid('type is too long: at most 64 characters', [], 'invalid_type');
    const runtime = this.runtimes.get(textOr(body.runtime, this.runtimes.fallback)).name;
    requireStockImage(body.base_image);
    const asked = resourcesOf(body.resources);
    const branch = branchOf(body.source_branch);
    const repository = body.github_repo ? githubRepoOf(body.github_repo) : null;
    const label = body.template?.trim() || null;
    const template = label === null ? null : await this.templates.resolve(label);
    const fromTemplate = template?.ref.source === 'github' ? template.ref.repository : null;
    if (repository !== null && fromTemplate !== null && repository !== fromTemplate) {
      throw new Invalid('Give a github: template or github_repo, not two repositories', [], 'two_repositories');
    }
    const githubRepo = repository ?? fromTemplate;
    if (githubRepo !== null) await this.repositories.check(githubRepo, branch);
    const folder = template?.ref.source === 'local' ? template.ref.name : null;
    return {
      slug,
      displayName: slug,
      type,
      runtime,
      model: body.runtime_model?.trim() || null,
      template: label,
      instructions: body.custom_instructions?.trim() || null,
      githubRepo,
      resources: template?.resources ?? asked,
      approvals: 'auto',
      seed: (folder ?? githubRepo) ? { template: folder, repository: githubRepo, branch } : null,
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

/** Null: the repository's own choice. */
function branchOf(given: string | undefined): string | null {
  const text = given?.trim() ?? '';
  if (text === '') return null;
  if (/^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$/.test(text) && !/\.\.|\/\/|\.lock(\/|$)|[./]$/.test(text)) return text;
  throw new Invalid('source_branch is no name of a branch', [], 'invalid_branch');
}
