import {defineConfig} from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'bench/src/**/*.test.ts',
      'test/**/*.test.ts',
      'tools/**/*.test.ts',
    ],
    globalSetup: './test/compiled.setup.ts',
    // Clusters of real processes need their time on two shared cores.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: {poll: {timeout: 10_000}},
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', './tools/count-reporter.mjs'],
  },
});
