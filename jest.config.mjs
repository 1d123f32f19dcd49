const shared = {
  testEnvironment: 'node',
  rootDir: import.meta.dirname,
  transform: { '^.+\\.(m?[tj]s)$': '<rootDir>/test/support/transform.cjs' },
  transformIgnorePatterns: [],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': ['$1', '$1.js'] },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/data'],
};
const project = (displayName, testMatch) => ({ ...shared, displayName, testMatch });

export default {
  testTimeout: 60_000,
  projects: [
    project('unit', ['<rootDir>/src/**/*.spec.ts', '<rootDir>/bench/**/*.spec.ts']),
    project('arch', ['<rootDir>/test/arch/**/*.spec.ts']),
    project('e2e', ['<rootDir>/test/e2e/**/*.e2e-spec.ts']),
    project('contract', ['<rootDir>/test/contract/**/*.spec.ts']),
    project('chaos', ['<rootDir>/test/chaos/**/*.spec.ts']),
    project('security', ['<rootDir>/test/security/**/*.spec.ts']),
    project('docker', ['<rootDir>/test/docker/**/*.spec.ts']),
  ],
};
