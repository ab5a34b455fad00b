// Before any test: what Node.js makes of the program's modules, types stripped and code compiled, is kept in
// one place for all processes that tests start; each new node would make it again (see
// packages/cli/src/compile-cache.ts). Node.js writes it when a process ends well, which few of a test's do.

import {existsSync} from 'node:fs';
import path from 'node:path';
import {compiledOfNodes, ProcessCluster} from '@flotilla/testkit';

const COMPILED = path.resolve(import.meta.dirname, '../node_modules/.cache/flotilla-compiled');

export default async function keepCompiled(): Promise<void> {
  // Workers begin after this, and hand it on to what they start.
  process.env['NODE_COMPILE_CACHE'] ??= COMPILED;
  if (existsSync(compiledOfNodes()!)) return;
  const cluster = await ProcessCluster.start({nodes: 1});
  await cluster.node(1).stop();
  await cluster.destroy();
}
