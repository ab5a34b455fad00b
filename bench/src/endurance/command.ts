// The command of the scenario that loads one node for long.

import type {Command} from 'commander';
import {runWith, say} from '../run-with.ts';
import {EnduranceWords} from '../scenario-options.ts';
import {runEndurance} from './endurance.ts';

export function addEnduranceCommand(program: Command): void {
  program
    .command('endurance')
    .description('one node, rows as fast as it takes them for long, then restarts over all of them')
    .option('--minutes <n>', 'of load; may be a fraction', '10')
    .option('--window <seconds>', 'rate and memory are told for each', '60')
    .option('--clients <n>', 'each with one body of 5,000 rows under way', '4')
    .option('--engine-threads <n>', 'of the node (default: its own)')
    .option('--json', 'print JSON on the last line')
    .addHelpText('after', '\nExample:\n  npm run bench -- endurance --minutes 10 --json\n')
    .action((raw: unknown) =>
      runWith(EnduranceWords, raw, ({window: windowSeconds, ...words}) =>
        runEndurance({...words, windowSeconds, say}),
      ),
    );
}
