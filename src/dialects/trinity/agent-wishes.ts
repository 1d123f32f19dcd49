import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { roles, type Principal } from '../../core/access/principal.js';
import { githubRepoOf, resourcesOf, slugOf } from '../../core/agents/agent.rules.js';
import { Conflict, Forbidden, Invalid } from '../../core/errors/domain-error.js';
import type { NewAgent } from '../../core/instances/agent-making.service.js';
import { Repositories } from '../../core/library/repositories.port.js';
import { Templates } from '../../core/library/templates.service.js';
import { Runtimes } from '../../core/runtimes/runtime.port.js';
import { SshEndpoint } from '../../core/ssh/ssh-endpoint.js';
import type { CreateAgentBody } from './agents.dto.js';
import { stockImage } from './words.js';

const usualBranch = 'main';

/** Reads what a create request asks for, in this API's words, and checks it (contract section 4). */
@Injectable()
export class AgentWishes {
  constructor(
    private readonly config: Config,
    private readonly runtimes: Runtimes,
    private readonly templates: Templates,
    private readonly repositories: Repositories,
    private readonly ssh: SshEndpoint,
  ) {}

  /** What a request says wrong is refused before anybody else is asked. */
  async of(who: Principal, body: CreateAgentBody): Promise<NewAgent> {
    this.requireRole(who);
    const slug = slugOf(body.name);
    const type = textOr(body.type, 'business-assistant');
    if (type.length > 64) throw new Invalid('type is too long: at most 64 characters', [], 'invalid_type');
    const runtime = this.runtimes.get(textOr(body.runtime, this.runtimes.fallback)).name;
    const image = this.imageOf(body.base_image?.trim());
    const asked = resourcesOf(body.resources);
    const wantedBranch = branchOf(body.source_branch);
    this.requireFreePort(body.port);
    requireNoCredential(body.github_credential_id);
    const repository = body.github_repo ? githubRepoOf(body.github_repo) : null;
    const label = body.template?.trim() || null;
    const template = label === null ? null : await this.templates.resolve(label);
    const fromTemplate = template?.ref.source === 'github' ? template.ref.repository : null;
    if (repository !== null && fromTemplate !== null && repository !== fromTemplate) {
      throw new Invalid('Give a github: template or github_repo, not two repositories', [], 'two_repositories');
    }
    const githubRepo = repository ?? fromTemplate;
    const branch = githubRepo === null ? null : await this.branchIn(githubRepo, wantedBranch);
    const folder = template?.ref.source === 'local' ? template.ref.name : null;
    return {
      slug,
      displayName: slug,
      type,
      runtime,
      image,
      model: body.runtime_model?.trim() || null,
      template: label,
      instructions: body.custom_instructions?.trim() || null,
      githubRepo,
      resources: template?.resources ?? asked,
      approvals: 'auto',
      seed: (folder ?? githubRepo) ? { template: folder, repository: githubRepo, branch } : null,
    };
  }

  /** Clients that name no branch mean `main`; a repository without one is taken at its own choice (null). */
  private async branchIn(repository: string, wanted: string | null): Promise<string | null> {
    try {
      await this.repositories.check(repository, wanted ?? usualBranch);
      return wanted ?? usualBranch;
    } catch (error) {
      if (wanted !== null || !(error instanceof Invalid) || error.code !== 'unknown_branch') throw error;
      await this.repositories.check(repository, null);
      return null;
    }
  }

  /** Null: our own of the runtime. Anything else is one of the allowed, letter by letter, before the engine hears of it. */
  private imageOf(image: string | undefined): string | null {
    if (!image || stockImage.test(image)) return null;
    if (this.config.trinity.baseImages.includes(image)) return image;
    throw new Forbidden('This base image is not allowed', 'image_not_allowed');
  }

  /** All agents are reached at the SSH gateway's port, so none gets one of its own; what this server listens on is taken. */
  private requireFreePort(port: number | null | undefined): void {
    if (!port || ![this.config.port, this.ssh.port].includes(port)) return;
    throw new Conflict(`Port ${port} is already in use`, 'port_taken');
  }

  private requireRole(who: Principal): void {
    const needed = this.config.trinity.createMinRole;
    // Roles are listed strongest first.
    if (roles.indexOf(who.role) <= roles.indexOf(needed)) return;
    throw new Forbidden(`Creating agents needs the role ${needed}`, 'role_too_weak');
  }
}

const textOr = (text: string | undefined, fallback: string): string => text?.trim() || fallback;

/** A clone with other rights than those that were asked for would be a surprise later on. */
function requireNoCredential(id: string | null | undefined): void {
  if (!id?.trim()) return;
  const instead = 'leave github_credential_id out, and repositories are read with the GITHUB_TOKEN of this server';
  throw new Invalid(`There are no stored credentials for git here: ${instead}`, [], 'no_git_credentials');
}

/** Null: none was named. */
function branchOf(given: string | undefined): string | null {
  const text = given?.trim() ?? '';
  if (text === '') return null;
  if (/^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$/.test(text) && !/\.\.|\/\/|\.lock(\/|$)|[./]$/.test(text)) return text;
  throw new Invalid('source_branch is no name of a branch', [], 'invalid_branch');
}
