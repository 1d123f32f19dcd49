import { LocalEngine } from '../../src/adapters/local/local.engine.js';
import type { EngineAbilities } from '../../src/core/instances/engine.port.js';
import type { Config } from '../../src/config/config.js';
import { scriptedPrograms } from './scripted-adapter.js';

/** The local engine, noting down layouts of homes as if it could make them: for what is decided about them, not for what they do. */
export class AbleEngine extends LocalEngine {
  override readonly abilities: EngineAbilities = {
    limits: true,
    terminal: true,
    isolation: false,
    sharedFolders: true,
    closedHome: true,
    ownImages: true,
  };

  constructor(config: Config, installId: string) {
    super({ config, installId, extraRuntimes: scriptedPrograms });
  }
}
