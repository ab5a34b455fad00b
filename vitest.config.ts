import {configDefaults, defineConfig} from 'vitest/config';

/** Layers 0 to 4 and what runs on the same ports: of a test of theirs no socket, disk, process or timer is left. */
const ON_PORTS = [
  ...['base', 'raft', 'column', 'ingest', 'wire', 'storage', 'multiraft', 'catalog', 'replica'],
  ...['query', 'meta', 'router', 'testkit', 'simulator'],
].map((name) => `packages/${name}/src/**/*.test.ts`);
/** They compute, and so does what runs whole simulations and the tools, whose processes end with their tests. */
const COMPUTED = [
  ...ON_PORTS,
  ...['test/conformance/**/*.test.ts', 'test/simulation/**/*.test.ts', 'tools/**/*.test.ts'],
];
/** What opens sockets, threads and processes of its own and closes them with each test. */
const UNITS = ['server', 'cli', 'client']
  .map((name) => `packages/${name}/src/**/*.test.ts`)
  .concat('bench/src/**/*.test.ts');
/** One asks what its process has loaded, the other has a module of Node.js replaced: each has a process of its own. */
const OWN_PROCESS = ['http/app.test.ts', 'adapters/jobs/no-thread.test.ts'].map(
  (name) => `packages/server/src/${name}`,
);
/** They take longer, and run where they are named. */
const FAULTS = 'test/faults/**/*.test.ts';

/**
 * One process for many files: most take less time than a process takes to start. Node.js itself loads them, types
 * stripped, as it does the program: what vitest makes of an import is looked up at each use.
 */
const MANY_FILES = {isolate: false, experimental: {viteModuleRunner: false}};

/** Workers on two cores, of tests that wait for a third of their time and more. */
const WAITING = 3;

// One project runs behind the other (`groupOrder`): a process of many files ends where another project's are next,
// and of those that run at once each has to have as many workers.
export default defineConfig({
  test: {
    // Clusters of real processes need their time on two shared cores.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: {poll: {timeout: 10_000}},
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', './tools/count-reporter.mjs'],
    projects: [
      {
        extends: true,
        test: {
          name: 'nodes',
          include: [...OWN_PROCESS, 'test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...COMPUTED, FAULTS],
          globalSetup: './test/compiled.setup.ts',
          sequence: {groupOrder: 1},
        },
      },
      {
        extends: true,
        test: {
          name: 'units',
          include: UNITS,
          exclude: [...configDefaults.exclude, ...OWN_PROCESS],
          globalSetup: './test/compiled.setup.ts',
          maxWorkers: WAITING,
          ...MANY_FILES,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: [FAULTS],
          globalSetup: './test/compiled.setup.ts',
          // Longer than what is waited for, whose name says more than that a test took long.
          testTimeout: 120_000,
          sequence: {groupOrder: 2},
        },
      },
      {
        extends: true,
        test: {
          name: 'ports',
          include: COMPUTED,
          sequence: {groupOrder: 3},
          ...MANY_FILES,
          // They compute, and have what `nodes` leaves of the machine (tools/test.mjs): for all that is here, so
          // that single tests name a limit only where they need more.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
