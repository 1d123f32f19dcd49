import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { transformSync } from '@swc/core';

const root = path.resolve(__dirname, '../..');
const sources = path.join(root, 'src/demo-model');

/**
 * Compiles the model process from its sources, because it runs outside of Jest, and answers the path of its entry
 * point. Kept in node_modules/.cache by content, so that only the first test after a change compiles.
 */
export function demoModelEntry(): string {
  const files = readdirSync(sources).filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
  const texts = files.map((file) => [file, readFileSync(path.join(sources, file), 'utf8')] as const);
  const hash = createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 16);
  const folder = path.join(root, 'node_modules/.cache/flotilla-demo-model', hash);
  const entry = path.join(folder, 'main.js');
  if (existsSync(entry)) return entry;

  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  for (const [file, text] of texts) writeFileSync(path.join(draft, file.replace(/\.ts$/, '.js')), compile(text));
  writeFileSync(path.join(draft, 'package.json'), '{"type":"commonjs"}');
  try {
    renameSync(draft, folder);
  } catch {
    // Another worker was faster: its files are the same.
    rmSync(draft, { recursive: true, force: true });
  }
  return entry;
}

function compile(text: string): string {
  return transformSync(text, {
    jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true } },
    module: { type: 'commonjs' },
  }).code;
}
