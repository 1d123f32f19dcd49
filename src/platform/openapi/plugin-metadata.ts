import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { SwaggerModule } from '@nestjs/swagger';

type Metadata = () => Promise<Record<string, unknown>>;

/**
 * Loads what the build found out about DTO classes from their types and comments (`dist/metadata.js`; swc itself cannot
 * rewrite classes). Where sources run unbuilt, under Jest, there is no such file, and explicit decorators are all there is.
 */
export async function loadPluginMetadata(): Promise<void> {
  const file = join(__dirname, '..', '..', 'metadata.js');
  if (!existsSync(file)) return;
  const { default: metadata } = createRequire(__filename)(file) as { default: Metadata };
  await SwaggerModule.loadPluginMetadata(metadata);
}
