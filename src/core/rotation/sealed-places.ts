import { privateInstructionsPlace } from '../agents/private-instructions.js';
import type { SealedPlace } from '../credentials/sealed-place.js';
import { givenSecretPlace, secretPlace } from '../groups/secret-box.js';
import { settingPlaces } from '../settings/sealed-setting.js';

/** Everything that is sealed under the master key. `test/arch/sealing.spec.ts` fails when something seals and is not here. */
export const sealedPlaces: readonly SealedPlace[] = [
  ...settingPlaces,
  secretPlace,
  givenSecretPlace,
  privateInstructionsPlace,
];
