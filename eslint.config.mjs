import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import { defineConfig } from 'eslint/config';
import ts from 'typescript-eslint';

const root = import.meta.dirname;
const specs = ['**/*.spec.ts', '**/*.e2e-spec.ts'];
const foldersOf = (room) => {
  const folder = path.join(root, 'src', room);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
};

// ---- Walls: who may import whom. ESLint keeps only the last `no-restricted-imports` block that matches a file, so
// ---- every room lists all of its walls in one block.

/** A wall: imports that match `regex` fail with `message`, a sentence that says what to do instead. */
const wall = (regex, message, options = {}) => ({ regex, message, ...options });
const room = (files, ...patterns) => ({
  files,
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [...patterns, environment] }] },
});

const environment = wall('^(node:)?process$', 'Ask Config for settings; `process` itself is a global.', {
  importNames: ['env', 'default'],
});
const adapters = (who) =>
  wall(
    '(^|/)adapters/',
    `${who} knows no adapter: use the port that core defines, app.module picks who implements it.`,
  );
const dialects = (who) =>
  wall('(^|/)dialects/', `${who} knows no dialect: move what is shared to core, wording stays in the dialect.`);
const gateways = (who) =>
  wall('(^|/)gateways/', `${who} knows no gateway: emit an event or offer a service that the gateway calls.`);
const orm = wall(
  '^(typeorm|@nestjs/typeorm|pg|@electric-sql/.*)$|(^|/)platform/database/',
  'Ask a core service: only core and platform/database talk to the database.',
);
const transport = wall(
  '^(express|fastify|@fastify/.*|find-my-way|@nestjs/(swagger|platform-.*)|ws|class-(validator|transformer)|(node:)?https?)$',
  'Core speaks no transport: throw a DomainError or return a value, and let the dialect or platform/http word it.',
);
const vendors = wall(
  '^(dockerode|docker-modem|ssh2|tar-stream|pg|pino|@electric-sql/.*|@agentclientprotocol/.*|(node:)?(child_process|net|tls))$',
  'Core speaks to no vendor and starts no process: define a port here and implement it in src/adapters.',
);
const timers = wall('^(node:)?timers(/promises)?$', 'Time comes from the Clock port, so that tests can move it.');
const engineVendors = wall(
  '^(dockerode|docker-modem|ssh2)$',
  'Only adapters (and the SSH gateway) talk to engines and hosts: go through ContainerEngine.',
);

// Between core modules, imports follow this arrow (later may know earlier); against it, use an event.
const layers = [
  ['accounts'],
  ['credentials'],
  ['agents'],
  ['instances'],
  ['sessions'],
  ['sharing', 'autonomy', 'fleet', 'groups', 'links'],
];
const arrow = (module) => {
  const level = layers.findIndex((names) => names.includes(module));
  const later = level < 0 ? [] : layers.slice(level + 1).flat();
  if (later.length === 0) return [];
  const message = `${module} comes before them (sharing, autonomy, fleet, groups -> sessions -> instances -> agents -> credentials -> accounts): emit an event instead.`;
  return [wall(`^(\\.\\./)+(core/)?(${later.join('|')})/(?!secret\\.js$)`, message)];
};

const coreWalls = [
  adapters('Core'),
  dialects('Core'),
  gateways('Core'),
  wall(
    '(^|/)platform/(?!database/)',
    'Core may use platform/database only: the rest of platform is machinery around it.',
  ),
  transport,
  vendors,
  timers,
];

const walls = [
  room(['src/core/**'], ...coreWalls),
  ...layers.flat().map((module) => room([`src/core/${module}/**`], ...coreWalls, ...arrow(module))),
  // Tests of core may start a real shell or a real server to try a rule on.
  room(['src/core/**/*.spec.ts'], adapters('Core'), dialects('Core'), gateways('Core')),
  ...foldersOf('adapters').map((name) => {
    const others = foldersOf('adapters').filter((other) => other !== name);
    return room(
      [`src/adapters/${name}/**`],
      dialects('An adapter'),
      gateways('An adapter'),
      wall(
        `^(\\.\\./)+(adapters/)?(${['-', ...others].join('|')})/`,
        'Adapters do not know each other: meet at a port in core.',
      ),
      wall(
        '(^|/)core/.*\\.(service|entity|module)(\\.js)?$',
        'An adapter knows core ports and errors only: take what you need as arguments.',
      ),
      wall('(^|/)platform/', 'An adapter needs no platform: it implements a port with its own vendor library.'),
      orm,
    );
  }),
  ...foldersOf('dialects').map((name) => {
    const others = foldersOf('dialects').filter((other) => other !== name && other !== 'shared');
    return room(
      [`src/dialects/${name}/**`],
      wall(
        `^(\\.\\./)+(dialects/)?(${['-', ...others].join('|')})/`,
        'Dialects do not know each other: what two of them need belongs to core or dialects/shared.',
      ),
      adapters('A dialect'),
      gateways('A dialect'),
      wall(
        '(^|/)platform/(?!http/|openapi/|database/)',
        'A dialect uses platform/http only: ask a core service for the rest.',
      ),
      orm,
      engineVendors,
      wall('\\.entity(\\.js)?$', 'Import entities as types only (`import type`): a dialect reads what core returns.', {
        allowTypeImports: true,
      }),
    );
  }),
  room(['src/gateways/**'], dialects('A gateway'), adapters('A gateway'), orm),
  room(
    ['src/platform/**'],
    adapters('Platform'),
    gateways('Platform'),
    wall(
      '(^|/)dialects/(?!shared/)',
      'Platform has no opinion: it may know dialects/shared, and is given the list of dialects.',
    ),
    wall(
      '(^|/)core/(?!errors/|access/|clock\\.port|credentials/secret)',
      'Platform may know core/errors, core/access, the Clock port and Secret: pass the rest in from app.module.',
    ),
    engineVendors,
  ),
  room(
    ['src/platform/database/entities.ts'],
    wall('(^|/)core/(?!.*\\.entity(\\.js)?$)', 'This is the list of tables: it names entities and nothing else.'),
  ),
  room(
    ['src/config/**'],
    wall(
      '(^|/)core/(?!errors/|credentials/secret)',
      'Config turns the environment into values: it knows errors and Secret only.',
    ),
    wall(
      '(^|/)(platform|dialects|adapters|gateways)/',
      'Config turns the environment into values: it knows no other room.',
    ),
  ),
  room(['src/migrations/**'], wall('^\\.', 'A migration is plain SQL and never changes: it imports nothing of ours.')),
  room(
    ['src/demo-model/**'],
    wall(
      '(^|/)(core|platform|dialects|adapters|gateways)/',
      'The demo model is a process of its own: it knows nothing of the server.',
    ),
  ),
];

// ---- Names that are refused.

const environmentProperty = {
  object: 'process',
  property: 'env',
  message: 'Only src/config reads the environment: add the setting to Config and inject it.',
};
const mocks = ['mock', 'doMock', 'setMock', 'unstable_mockModule'].map((property) => ({
  object: 'jest',
  property,
  message: 'Implement the port with a fake instead: fakes pass the same port tests as the real thing.',
}));
const realTime = [
  ["CallExpression[callee.object.name='Date'][callee.property.name='now']", 'Date.now()'],
  ["NewExpression[callee.name='Date'][arguments.length=0]", 'new Date()'],
  ['CallExpression[callee.name=/^set(Timeout|Interval)$/]', 'Timers'],
  ["CallExpression[callee.object.name='performance'][callee.property.name='now']", 'performance.now()'],
].map(([selector, what]) => ({
  selector,
  message: `${what} cannot be moved by a test: inject Clock (core/clock.port).`,
}));
const wideConstructors = {
  selector: "MethodDefinition[kind='constructor'] > FunctionExpression[params.length>5]",
  message: 'More than five collaborators: split the class by what its callers want.',
};

const scripts = ['**/*.mjs', '**/*.cjs', '**/*.js'];
const nodeGlobals = [
  ...Object.getOwnPropertyNames(globalThis),
  'module',
  'exports',
  'require',
  '__dirname',
  '__filename',
];
const readonly = (names) => Object.fromEntries(names.map((name) => [name, 'readonly']));

export default defineConfig(
  { ignores: ['dist/**', 'data/**', 'coverage/**', 'bench/out/**', 'src/metadata.ts'] },
  { linterOptions: { noInlineConfig: true } },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  prettier,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } } },
  {
    rules: {
      'max-lines': ['error', { max: 300 }],
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx', 'hack'], location: 'start' }],
      'no-restricted-properties': ['error', environmentProperty, ...mocks],
      'no-restricted-syntax': ['error', wideConstructors],
      '@typescript-eslint/no-confusing-void-expression': 'off', // `return stop();` to leave early is how we write
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // TypeScript does not see that a field (`signal.aborted`) has changed during an `await`.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Views and rows are classes for their decorators only, and made as plain objects.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  walls,
  {
    files: ['src/core/**'],
    ignores: specs,
    rules: { 'no-restricted-syntax': ['error', wideConstructors, ...realTime] },
  },
  { files: ['src/config/**'], rules: { 'no-restricted-properties': ['error', ...mocks] } },
  {
    // Tests and benchmarks read bodies as a client does, untyped, and compare whole values.
    files: ['test/**', 'bench/**/*.ts', ...specs],
    rules: {
      'no-restricted-properties': ['error', ...mocks],
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // Decorated fields of a body are filled by the validation pipe; a migration's class is only a name and two scripts.
    files: ['**/*.dto.ts', 'src/migrations/**'],
    rules: {
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-useless-constructor': 'off',
    },
  },
  {
    files: scripts,
    extends: [ts.configs.disableTypeChecked],
    languageOptions: { globals: readonly(nodeGlobals) },
    rules: { '@typescript-eslint/no-require-imports': 'off', 'no-restricted-properties': 'off' },
  },
  {
    // A handler may be an async function: what it awaits is shown by the page itself.
    files: ['web/src/**'],
    rules: { '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }] },
  },
);
