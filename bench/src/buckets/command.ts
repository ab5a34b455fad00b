// The command of the scenario that shows what replicas cost that nobody uses.

import type {Command} from 'commander';
import {runWith, say} from '../run-with.ts';
import {BucketsWords} from '../scenario-options.ts';
import {runBuckets} from './buckets.ts';

export function addBucketsCommand(program: Command): void {
  program
    .command('buckets')
    .description('memory of old buckets that nobody uses, after a restart and after a query')
    .option('--buckets <n>', 'of a week, a replica set each', '52')
    .option('--series <n>', 'in each of them', '100000')
    .option('--unload-seconds <n>', 'unused for so long they are unloaded', '60')
    .option('--json', 'print JSON on the last line')
    .addHelpText(
      'after',
      '\nExample:\n  npm run bench -- buckets --buckets 52 --series 100000 --json\n',
    )
    .action((raw: unknown) => runWith(BucketsWords, raw, (words) => runBuckets({...words, say})));
}
