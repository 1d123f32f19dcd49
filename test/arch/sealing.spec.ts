import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sealedPlaces } from '../../src/core/rotation/sealed-places.js';

/** Files that seal something, with the purposes they name. */
const sealing = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !file.startsWith('core/rotation/'))
  .map((file) => ({ file, text: readFileSync(join('src', file), 'utf8') }))
  .filter(({ text }) => text.includes('new Sealing('));

describe('what is sealed under the master key', () => {
  it('is found in the source', () => {
    expect(sealing.map(({ file }) => file)).toContain('core/settings/sealed-setting.ts');
  });

  it.each(sealing)('is named for a change of the key: $file', ({ text }) => {
    const purposes = sealedPlaces.map(({ purpose }) => purpose);
    expect(purposes.filter((purpose) => text.includes(`'${purpose}'`))).not.toEqual([]);
    expect(text).toContain('SealedPlace');
  });
});
