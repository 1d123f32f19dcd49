// swc for our TypeScript, and for dependencies that ship only ES modules (Jest on Node 20 cannot require those).
// CommonJS dependencies pass through. Asked per file, not by a list of names: nested copies would break a list.
const fs = require('node:fs');
const path = require('node:path');
const { createTransformer } = require('@swc/jest');

const base = {
  jsc: {
    target: 'es2022',
    keepClassNames: true,
    parser: { syntax: 'typescript', decorators: true, dynamicImport: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
  },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
};
const own = createTransformer(base);
const foreign = createTransformer({
  ...base,
  jsc: { target: 'es2022', keepClassNames: true, parser: { syntax: 'ecmascript' } },
});
const known = new Map();

function isEsModule(file) {
  if (file.endsWith('.mjs')) return true;
  if (file.endsWith('.cjs')) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    if (known.has(folder)) return known.get(folder);
    const manifest = path.join(folder, 'package.json');
    if (fs.existsSync(manifest)) {
      const answer = JSON.parse(fs.readFileSync(manifest, 'utf8')).type === 'module';
      known.set(folder, answer);
      return answer;
    }
    if (folder === path.dirname(folder)) return false;
  }
}

module.exports = {
  canInstrument: false,
  getCacheKey: (...args) => own.getCacheKey(...args) + (isEsModule(args[1]) ? 'e' : 'c'),
  process(code, file, options) {
    if (!file.includes('/node_modules/')) return own.process(code, file, options);
    return isEsModule(file) ? foreign.process(code, file, options) : { code };
  },
};
