// `sim`: a whole cluster in one thread, decided by one seed. The simulator is loaded when it is called;
// its own command line (`npm run sim`) takes the same options.

import type {Command} from 'commander';
import type {CommandContext} from '../session.ts';

export function addSimCommand(program: Command, context: CommandContext): void {
  program
    .command('sim')
    .description('simulate a whole cluster from a seed, under faults, and check it')
    .option('--seed <n>', 'decides everything; a fresh one by default')
    .option('--nodes <n>', 'default 5')
    .option('--groups <n>', 'replica sets, default 20')
    .option('--steps <n>', 'events before the faults stop, default 200000')
    .option(
      '--workload <name>',
      'hosts (the default: Raft and its hosts, under registers) or cluster (catalog, moves and rows too)',
    )
    .option('--minutes <n>', 'go on with fresh seeds for so long, in sizes drawn from each')
    .option('--corpus', 'the fixed seeds that every build runs')
    .option('--disks <kind>', 'plain or durable (written and synced in one call); drawn by default')
    .option('--stores <n>', 'of each node; drawn by default in cluster, else one for each thread')
    .option('--threads <n>', 'engine threads of each process at most; drawn by default')
    .option('--stale <answer>', 'yes or no: some reads in cluster may be stale; drawn by default')
    .option('--orders <answer>', 'yes or no: pauses, maintenance, checksums and more in cluster')
    .option(
      '--series <answer>',
      'yes or no: a database of cluster takes few series; drawn by default',
    )
    .option('--only <faults>', 'these kinds of faults alone, by commas; none: no faults')
    .option('--without <faults>', 'all that the seed draws but these')
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
