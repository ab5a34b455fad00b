// The command of the scenario that holds `flotilla plan` against what rows cost.

import type {Command} from 'commander';
import {runWith, say} from '../run-with.ts';
import {PlanWords} from '../scenario-options.ts';
import {runPlan, SET_NAMES} from './capacity.ts';

export function addPlanCommand(program: Command): void {
  program
    .command('plan')
    .description(
      'what rows of several shapes cost, beside what `flotilla plan` says; 1 if it is off',
    )
    .option('--sets <list>', `of ${SET_NAMES.join(', ')}; the first always`, SET_NAMES.join(','))
    .option('--hours <n>', "time range of the rows (default: each shape's own)")
    .option('--json', 'print JSON on the last line')
    .addHelpText(
      'after',
      '\nExamples:\n  npm run bench -- plan --json\n  npm run bench -- plan --sets decimals,replicated\n',
    )
    .action((raw: unknown) =>
      runWith(PlanWords, raw, async (words) => {
        const report = await runPlan({...words, say});
        if (report.results.some(({isWithin}) => !isWithin)) process.exitCode = 1;
        return report;
      }),
    );
}
