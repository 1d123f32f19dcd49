import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal, Right } from '../access/principal.js';
import { Audit } from '../audit/audit.service.js';
import type { Bundle } from '../credentials/bundle.codec.js';
import { checkedFiles, type GivenFiles } from '../credentials/credential-files.js';
import type { Secret } from '../credentials/secret.js';
import { WrongState } from '../errors/domain-error.js';
import { type CredentialsStatus, HomeCredentials, type RunningPlace } from './home-credentials.service.js';
import type { InstanceState } from './instance.lifecycle.js';
import { InstancesService } from './instances.service.js';

/** Which credential files an agent has; `null` while it does not run. */
export interface SeenCredentials {
  readonly state: InstanceState;
  readonly found: CredentialsStatus | null;
}

/** Credentials of agents, for people: seeing which there are, bringing them in, taking them out as a sealed bundle. */
@Injectable()
export class AgentCredentials {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly instances: InstancesService,
    private readonly home: HomeCredentials,
    private readonly audit: Audit,
  ) {}

  /** Sizes and times, never contents. */
  async status(who: Principal, slug: string): Promise<SeenCredentials> {
    const { agentId } = await this.mayReach(who, slug, 'view');
    const instance = await this.instances.findOf(agentId);
    if (instance?.state !== 'running' || !instance.ref) return { state: instance?.state ?? 'stopped', found: null };
    return { state: 'running', found: await this.home.status({ instanceId: instance.id, ref: instance.ref }) };
  }

  /** Writes files whole, all of them or none. Answers with their paths. */
  async inject(who: Principal, slug: string, given: GivenFiles): Promise<readonly string[]> {
    const { agentId } = await this.mayReach(who, slug, 'own');
    const files = checkedFiles(given);
    await this.home.write(await this.running(agentId), files);
    const paths = [...given.files.keys(), ...given.binary.keys()];
    await this.note(who, agentId, 'credentials.injected', { files: paths });
    return paths;
  }

  /** Seals every credential file into the bundle file in the home. */
  async export(who: Principal, slug: string): Promise<{ readonly bundle: Bundle; readonly paths: readonly string[] }> {
    const { agentId } = await this.mayReach(who, slug, 'own');
    const exported = await this.home.export(await this.running(agentId));
    await this.note(who, agentId, 'credentials.exported', { files: exported.paths });
    return exported;
  }

  /** Unpacks the bundle that is given, or the bundle file in the home. Answers with the paths written. */
  async import(who: Principal, slug: string, bundle?: unknown): Promise<readonly string[]> {
    const { agentId } = await this.mayReach(who, slug, 'own');
    const { files } = await this.home.restore(await this.running(agentId), bundle);
    await this.note(who, agentId, 'credentials.imported', { files });
    return files;
  }

  /** The key of all bundles, for an administrator who moves them elsewhere. Throws `Invalid` where there is none. */
  async revealKey(who: Principal): Promise<Secret> {
    const { key } = this.home;
    await this.db.run((tx) =>
      this.audit.record(tx, { who, action: 'credentials.key_revealed', object: 'installation' }),
    );
    return key;
  }

  private async mayReach(who: Principal, slug: string, right: Right): Promise<{ readonly agentId: string }> {
    const { id } = await this.access.agent(who, { slug }, right);
    return { agentId: id };
  }

  private async running(agentId: string): Promise<RunningPlace> {
    const instance = await this.instances.findOf(agentId);
    if (instance?.state === 'running' && instance.ref) return { instanceId: instance.id, ref: instance.ref };
    throw new WrongState('agent', instance?.state ?? 'stopped', 'give or take credentials');
  }

  private async note(
    who: Principal,
    agentId: string,
    action: string,
    data: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    await this.db.run((tx) => this.audit.record(tx, { who, action, object: `agent:${agentId}`, data }));
  }
}
