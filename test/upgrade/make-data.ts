// Makes one of the kept data directories with the build of a checkout, by default this one:
//
//   node test/upgrade/make-data.ts test/upgrade/data/<name>.tar.gz [checkout]
//
// Its node is killed, so that what is not in files is in the log alone.

import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {writeMeasurements, writeRows} from './kept-rows.ts';

const [file, checkout = path.resolve(import.meta.dirname, '../..')] = process.argv.slice(2);
if (file === undefined) throw new Error('want the file to make');
const program = path.resolve(checkout, 'packages/cli/src/main.ts');
const cluster = await ProcessCluster.start({nodes: 1, engineThreads: 1, program});
const client = new FlotillaClient({urls: cluster.urls});
try {
  await writeRows(client);
  await writeMeasurements(client);
  const node = cluster.node(1);
  await node.kill();
  execFileSync('tar', ['-czf', path.resolve(file), '-C', node.directory, '.']);
} finally {
  client.close();
  await cluster.destroy();
}
