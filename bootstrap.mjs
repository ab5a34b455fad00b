// Entry of the npm scripts: installs what is missing, then runs the named script on Node 24.

import path from 'node:path';
import {ensureInstalled, ROOT} from './tools/install.mjs';
import {runNode} from './tools/run-node.mjs';

const SCRIPTS = new Map([
  ['start', ['packages/cli/src/main.ts', 'start']],
  ['test', ['tools/test.mjs']],
  ['check', ['tools/test.mjs', '--checks-only']],
  ['bench', ['bench/src/main.ts']],
  ['faults', ['test/faults/nemesis/main.ts']],
  ['sim', ['packages/simulator/src/main.ts']],
  ['proto', ['tools/proto.mjs']],
  ['raft-docs', ['tools/raft-docs.mjs']],
  ['limits', ['tools/limits.mjs']],
  ['metrics', ['tools/metrics.mjs']],
  ['mutations', ['tools/mutations/main.ts']],
  ['dist', ['tools/dist/main.ts']],
  ['format', ['tools/format.mjs']],
]);

/** Of Node itself. Young objects of a simulation live for some events: in more room fewer are copied. */
const FLAGS = new Map([['sim', ['--max-semi-space-size=64']]]);

const [name, ...rest] = process.argv.slice(2);
const script = SCRIPTS.get(name);
if (script === undefined) {
  process.stderr.write(
    `usage: node bootstrap.mjs {${[...SCRIPTS.keys()].join('|')}} [arguments]\n`,
  );
  process.exit(2);
}
ensureInstalled();
const flags = FLAGS.get(name) || [];
runNode([...flags, path.join(ROOT, script[0]), ...script.slice(1), ...rest]);
