import { Global, Module } from '@nestjs/common';
import { InstanceHooks } from '../instances/instance-hooks.js';
import { AgentSeeding, SeedSources } from './agent-seeding.service.js';
import { ListedRepositories } from './listed-repositories.js';
import { Templates } from './templates.service.js';

/** What agents are made from: templates and repositories. */
@Global()
@Module({ providers: [AgentSeeding, ListedRepositories, SeedSources, Templates], exports: [Templates] })
export class LibraryModule {
  constructor(hooks: InstanceHooks, seeding: AgentSeeding) {
    // Before anything that looks at what lies in a home.
    hooks.addFirstStep(seeding);
  }
}
