// The commands of the scenarios that show operations under load: move, drain, new-bucket.

import type {Command} from 'commander';
import {runDrain} from './operations/drain.ts';
import {runMove} from './operations/move.ts';
import {runNewBucket} from './operations/new-bucket.ts';
import {runWith, say} from './run-with.ts';
import {DrainWords, MoveWords, NewBucketWords} from './scenario-options.ts';

export function addOperationCommands(program: Command): void {
  addMove(program);
  addDrain(program);
  addNewBucket(program);
}

function addMove(program: Command): void {
  program
    .command('move')
    .description('a replica set under full load moves from node to node')
    .option('--rounds <n>', 'moves after the three that are compared with none', '20')
    .option('--kills', 'in each round source, target, leader or meta leader is killed (-9)')
    .option('--megabytes <n>', 'that a replica holds when the moves begin', '1024')
    .option('--clients <n>', 'each with one body under way', '8')
    .option('--seconds <n>', 'measured without moves', '20')
    .option('--seed <n>', 'of who is killed when', '1')
    .option('--engine-threads <n>', 'of each node (default: its own)')
    .option('--json', 'print JSON on the last line')
    .addHelpText(
      'after',
      `
Examples:
  npm run bench -- move --rounds 20 --kills --json
  npm run bench -- move --rounds 3 --megabytes 50 --seconds 5
`,
    )
    .action((raw: unknown) => runWith(MoveWords, raw, (words) => runMove({...words, say})));
}

function addDrain(program: Command): void {
  program
    .command('drain')
    .description('one of four nodes gives up all its replicas under load')
    .option('--sets <n>', 'replica sets of three replicas, rounded up to four buckets', '200')
    .option('--clients <n>', 'each with one body under way', '4')
    .option('--seconds <n>', 'under load before the drain', '10')
    .option('--engine-threads <n>', 'of each node (default: its own)')
    .option('--json', 'print JSON on the last line')
    .addHelpText('after', '\nExample:\n  npm run bench -- drain --sets 200 --json\n')
    .action((raw: unknown) => runWith(DrainWords, raw, (words) => runDrain({...words, say})));
}

function addNewBucket(program: Command): void {
  program
    .command('new-bucket')
    .description('writes beside the making of buckets with 64 shards for another database')
    .option('--rounds <n>', 'each a time with and one without', '5')
    .option('--seconds <n>', 'of each of the two', '5')
    .option('--per-second <n>', 'writes of a row to the other database', '200')
    .option('--engine-threads <n>', 'of each node (default: its own)')
    .option('--json', 'print JSON on the last line')
    .addHelpText('after', '\nExample:\n  npm run bench -- new-bucket --json\n')
    .action((raw: unknown) =>
      runWith(NewBucketWords, raw, (words) => runNewBucket({...words, say})),
    );
}
