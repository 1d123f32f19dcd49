// Lets a plain Node process run our TypeScript: `node -r test/support/register.cjs some.ts`. For tests that kill a process.
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { transformSync, version } = require('@swc/core');

const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  if (request.startsWith('.') && request.endsWith('.js') && parent?.filename.endsWith('.ts')) {
    const source = path.resolve(path.dirname(parent.filename), `${request.slice(0, -3)}.ts`);
    if (fs.existsSync(source)) return source;
  }
  return resolve.call(this, request, parent, ...rest);
};
// Tests start many servers: what was compiled once is kept, by content.
const kept = path.join(__dirname, '../../node_modules/.cache/flotilla-register');
fs.mkdirSync(kept, { recursive: true });

function compiled(filename) {
  const source = fs.readFileSync(filename, 'utf8');
  const file = path.join(
    kept,
    `${createHash('sha1').update(`${version} ${filename}\0`).update(source).digest('hex')}.js`,
  );
  if (fs.existsSync(file)) return fs.readFileSync(file, 'utf8');
  const { code } = transformSync(source, {
    filename,
    swcrc: false,
    jsc: {
      target: 'es2022',
      keepClassNames: true,
      parser: { syntax: 'typescript', decorators: true, dynamicImport: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  });
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, code);
  fs.renameSync(draft, file);
  return code;
}

require.extensions['.ts'] = (module, filename) => module._compile(compiled(filename), filename);
