import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import type { SealedPlace } from '../credentials/sealed-place.js';
import { Sealing } from '../credentials/sealing.js';
import { GivenSecret } from './given-secret.entity.js';
import { SecretRow } from './secret.entity.js';

const purpose = 'secrets';

type Place = Pick<SecretRow, 'id' | 'orgId' | 'groupId' | 'name'>;
type GivenPlace = Pick<GivenSecret, 'id' | 'instanceId' | 'name'>;

/** What a value is bound to: it opens nowhere else. */
const secretRecord = ({ id, orgId, groupId, name }: Place): string =>
  `secret:${JSON.stringify([id, orgId, groupId, name])}`;
const givenRecord = ({ id, instanceId, name }: GivenPlace): string => `given:${JSON.stringify([id, instanceId, name])}`;

const text = (value: string | null | undefined): string => value ?? '';

/** Where values are sealed. */
export const secretPlace: SealedPlace = {
  purpose,
  table: 'secrets',
  id: 'id',
  column: 'sealed',
  bound: ['org_id', 'group_id', 'name'],
  record: ([id, orgId, groupId = null, name]) =>
    secretRecord({ id: text(id), orgId: text(orgId), groupId, name: text(name) }),
};
export const givenSecretPlace: SealedPlace = {
  purpose,
  table: 'given_secrets',
  id: 'id',
  column: 'sealed',
  bound: ['instance_id', 'name'],
  record: ([id, instanceId, name]) => givenRecord({ id: text(id), instanceId: text(instanceId), name: text(name) }),
};

/** Seals and opens values under the master key. */
@Injectable()
export class SecretBox {
  private readonly sealing: Sealing;

  constructor(config: Config) {
    this.sealing = new Sealing(config.masterKey, purpose);
  }

  seal(place: Place, value: string): string {
    return this.sealing.seal(secretRecord(place), value);
  }

  /** @throws when it is not what was sealed for this place */
  open(row: Place & { readonly sealed: string }): string {
    return this.sealing.open(secretRecord(row), row.sealed);
  }

  /** Bytes of a value, without opening it: a sealed text is longer than it by a third and a little. */
  sizeOf({ sealed }: Pick<SecretRow, 'sealed'>): number {
    return Math.max(0, Math.floor(((sealed.length - 12) * 3) / 4) - 28);
  }

  sealGiven(place: GivenPlace, value: string): string {
    return this.sealing.seal(givenRecord(place), value);
  }

  openGiven(row: GivenPlace & { readonly sealed: string }): string {
    return this.sealing.open(givenRecord(row), row.sealed);
  }
}
