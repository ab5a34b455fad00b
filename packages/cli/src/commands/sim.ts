// `sim`: a whole cluster in one thread, decided by one seed. The simulator is loaded when it is called;
// its own command line (`npm run sim`) takes the same options.

import type {Command} from 'commander';
import type {CommandContext} from '../session.ts';

export function addSimCommand(program: Command, context: CommandContext): void {
  program
    .command('sim')
    .description('simulate a whole cluster from a seed, under faults, and check it')
    .option('--seed <n>', 'decides everything that happens (default: a fresh one)')
    .option('--nodes <n>', 'number of nodes (default 5)')
    .option('--groups <n>', 'number of replica sets (default 20)')
    .option('--steps <n>', 'events before the faults stop (default 200000)')
    .option(
      '--workload <name>',
      'hosts (the default: Raft and its hosts, under registers) or cluster (catalog, moves and rows too)',
    )
    .option('--minutes <n>', 'run fresh seeds for this long; each draws the sizes of its cluster')
    .option('--corpus', 'run the fixed seeds that every build runs')
    .option('--disks <kind>', 'plain or durable (written and synced in one call); drawn by default')
    .option(
      '--stores <n>',
      'stores per node; drawn by default in cluster, else one for each thread',
    )
    .option('--threads <n>', 'most engine threads per process; drawn by default')
    .option('--stale <answer>', 'yes or no: some reads in cluster may be stale; drawn by default')
    .option('--orders <answer>', 'yes or no: pauses, maintenance, checksums and more in cluster')
    .option(
      '--series <answer>',
      'yes or no: a database of cluster takes few series; drawn by default',
    )
    .option('--only <faults>', 'only these kinds of faults, separated by commas; none: no faults')
    .option('--without <faults>', 'all faults that the seed draws except these')
    .option('--trace', 'print everything that happens')
    .option('--json', 'print JSON')
    .action(async (options: Record<string, string | true>) => {
      const {runSimulatorCommand} = await import('@flotilla/simulator');
      const args = Object.entries(options).flatMap(([name, value]) =>
        value === true ? [`--${name}`] : [`--${name}`, value],
      );
      const {stdout, stderr} = context.terminal;
      context.exitCode = await runSimulatorCommand(args, {
        out: (text) => stdout.write(text),
        err: (text) => stderr.write(text),
      });
    });
}
