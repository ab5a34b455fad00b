// The layers of docs/architecture.md as a program: one row a package, naming what it may import.
// tools/layers.test.ts plants forbidden imports and sees each rule go red.

/** Every package may import base. */
const MAY_IMPORT = {
  base: [],
  raft: [],
  column: [],
  ingest: ['column'],
  wire: [],
  storage: ['column'],
  multiraft: ['raft', 'wire'],
  catalog: [],
  replica: ['multiraft', 'storage', 'catalog', 'column'],
  query: ['column', 'catalog'],
  meta: ['multiraft', 'catalog'],
  router: ['replica', 'query', 'meta', 'wire', 'catalog', 'column', 'ingest'],
  server: [
    'raft',
    'column',
    'ingest',
    'wire',
    'storage',
    'multiraft',
    'catalog',
    'replica',
    'query',
    'meta',
    'router',
  ],
  client: [],
  cli: ['client'],
  console: ['client'],
};

/** Layers 0 to 3: nothing of Node that has an effect or a clock. */
const PURE = [
  'base',
  'raft',
  'column',
  'ingest',
  'wire',
  'storage',
  'multiraft',
  'catalog',
  'replica',
  'query',
  'meta',
  'router',
];
const EFFECTS =
  '^(node:)?(fs|fs/promises|net|http|http2|https|dgram|dns|tls|worker_threads|child_process|timers|timers/promises|cluster|os)$' +
  '|node_modules/(better-sqlite3|@grpc|fastify|pino|@duckdb)';

const TEST_FILE = '\\.(test|bench|fixture)\\.ts$|/testing/|/fixtures/|/simulation/';
const all = Object.keys(MAY_IMPORT);

const layers = Object.entries(MAY_IMPORT).map(([name, allowed]) => {
  const forbidden = [...all, 'testkit', 'simulator'].filter(
    (other) => other !== name && other !== 'base' && !allowed.includes(other),
  );
  return {
    name: `layer-${name}`,
    comment: `${name} may import ${['base', ...allowed].join(', ')} and nothing above`,
    severity: 'error',
    from: {path: `^packages/${name}/`, pathNot: TEST_FILE},
    to: {
      path: `^packages/(${name === 'base' ? [...forbidden, 'none'].join('|') : forbidden.join('|')})/`,
      // The CLI's commands that run a node or a simulation load it when they are called.
      ...(name === 'cli'
        ? {pathNot: '^packages/(server/src/(index|offline)|simulator/src/index)\\.ts$'}
        : {}),
    },
  };
});

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'cli-loads-server-lazily',
      severity: 'error',
      from: {
        path: '^packages/cli/',
        pathNot: `${TEST_FILE}|^packages/cli/src/commands/(start|dev|backup|check|recover-meta|restore|sim)\\.ts$|^packages/cli/src/transfer/parquet-(bodies|source)\\.ts$`,
      },
      to: {path: '^packages/(server|simulator)/'},
    },
    {
      name: 'no-effects-below-server',
      comment: 'time, disks and networks come in as ports (base/src/ports.ts)',
      severity: 'error',
      from: {path: `^packages/(${PURE.join('|')})/src/`, pathNot: TEST_FILE},
      to: {path: EFFECTS},
    },
    {
      name: 'through-the-door',
      comment: 'a package is imported by its name, never by a path into its inside',
      severity: 'error',
      from: {path: '^packages/([^/]+)/'},
      to: {
        path: '^packages/([^/]+)/src/',
        pathNot:
          '^packages/$1/|^packages/[^/]+/src/index\\.ts$|^packages/server/src/offline\\.ts$|^packages/raft/src/lab/index\\.ts$|^packages/server/src/engine/(engine-thread|parts)\\.ts$',
      },
    },
    {
      name: 'testkit-only-in-tests',
      severity: 'error',
      from: {path: '^packages/', pathNot: `${TEST_FILE}|^packages/(testkit|simulator|cli)/`},
      to: {path: '^packages/(testkit|simulator)/'},
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {path: '^(packages|bench)/', pathNot: '/generated/'},
      to: {circular: true, viaOnly: {dependencyTypesNot: ['type-only']}},
    },
    {name: 'resolvable', severity: 'error', from: {}, to: {couldNotResolve: true}},
  ],
  options: {
    doNotFollow: {path: 'node_modules'},
    exclude: {path: '/generated/'},
    tsPreCompilationDeps: true,
    tsConfig: {fileName: 'tsconfig.json'},
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
