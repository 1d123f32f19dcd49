import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import type { SealedPlace } from '../credentials/sealed-place.js';
import { Sealing } from '../credentials/sealing.js';
import { Secret } from '../credentials/secret.js';
import type { Agent } from './agent.entity.js';

const purpose = 'private instructions';

/** Where they are sealed. */
export const privateInstructionsPlace: SealedPlace = {
  purpose,
  table: 'agents',
  id: 'id',
  column: 'private_instructions',
  bound: [],
  record: ([id]) => id ?? '',
};

/** Instructions that steer an agent and are shown to nobody: sealed in the database, bound to their agent. */
@Injectable()
export class PrivateInstructions {
  private readonly sealing: Sealing;

  constructor(config: Config) {
    this.sealing = new Sealing(config.masterKey, purpose);
  }

  seal(agentId: string, text: Secret): string {
    return this.sealing.seal(agentId, text.reveal());
  }

  /** Null: it has none. */
  open({ id, privateInstructions }: Pick<Agent, 'id' | 'privateInstructions'>): Secret | null {
    return privateInstructions === null ? null : new Secret(this.sealing.open(id, privateInstructions));
  }
}
