// The project's tests with a mutation in them: vitest transforms sources itself, so the load hook does
// not reach what it imports.

import path from 'node:path';
import {defineConfig} from 'vitest/config';
import {activeMutation} from './catalogue.ts';
import {mutatedSource, ROOT} from './mutation.ts';

const mutation = activeMutation();

export default defineConfig({
  root: ROOT,
  plugins: [
    {
      name: 'mutation',
      enforce: 'pre',
      load(id) {
        if (mutation === undefined || id !== path.join(ROOT, mutation.file)) return undefined;
        return mutatedSource(mutation);
      },
    },
  ],
  test: {
    include: ['packages/*/src/**/*.test.ts'],
    // The longest takes 9 s of a core; what a mutation hangs is told after this.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 1,
    // A mutated module must not be kept: neither for the next mutation nor for the project's own run.
    fsModuleCache: false,
    // The first failure says all that is asked.
    bail: 1,
  },
});
