import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeEngine } from '../../../test/support/engine-port-tests.js';
import { LocalEngine } from './local.engine.js';

describeEngine('local', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'flotilla-local-'));
  const engine = new LocalEngine({ config: { dataDir }, installId: 'test', extraRuntimes: { plain: { bin: '/bin' } } });
  return {
    engine,
    runtime: 'plain',
    close: async () => {
      await engine.close();
      await rm(dataDir, { recursive: true });
    },
  };
});
