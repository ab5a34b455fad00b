// The command of the scenario that backs up and restores.

import type {Command} from 'commander';
import {runWith, say} from '../run-with.ts';
import {BackupWords} from '../scenario-options.ts';
import {runBackup} from './backup.ts';

export function addBackupCommand(program: Command): void {
  program
    .command('backup')
    .description('a backup of TSBS rows beside small writes, one with nothing new, and a restore')
    .option('--nodes <n>', 'as many replicas', '1')
    .option('--hosts <n>', 'series', '1000')
    .option('--hours <n>', 'time range of the rows, ten seconds apart; may be a fraction', '6')
    .option('--values <kind>', 'integer (as TSBS), float (every digit) or decimal (two)', 'float')
    .option('--still-seconds <n>', 'of writes without a backup beside them', '10')
    .option('--rate <bytes>', 'that a node reads a second for the backup (default: its own)')
    .option('--engine-threads <n>', 'of each node (default: its own)')
    .option('--json', 'print JSON on the last line')
    .addHelpText(
      'after',
      `
Examples:
  npm run bench -- backup --hosts 1000 --hours 56 --json
  npm run bench -- backup --nodes 3 --hosts 100 --hours 3
`,
    )
    .action((raw: unknown) => runWith(BackupWords, raw, (words) => runBackup({...words, say})));
}
