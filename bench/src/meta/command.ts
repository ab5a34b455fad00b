// The command of the scenario that shows what the catalog of the meta group costs.

import type {Command} from 'commander';
import {runWith, say} from '../run-with.ts';
import {MetaWords} from '../scenario-options.ts';
import {runMeta} from './meta.ts';

export function addMetaCommand(program: Command): void {
  program
    .command('meta')
    .description('what many nodes and replica sets cost the meta group, in memory alone')
    .option('--nodes <n>', 'at least 6', '100')
    .option('--sets <n>', 'replica sets; a half and a quarter of them too', '100000')
    .option('--json', 'print JSON on the last line')
    .addHelpText('after', '\nExample:\n  npm run bench -- meta --nodes 100 --sets 100000 --json\n')
    .action((raw: unknown) => runWith(MetaWords, raw, async (words) => runMeta({...words, say})));
}
