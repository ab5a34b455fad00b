// Entry of `npm run bench`: Flotilla and its competitors side by side on this machine.

import {availableParallelism} from 'node:os';
import {endWithReader} from '@flotilla/testkit';
import {Command} from 'commander';
import {addBackupCommand} from './backups/command.ts';
import {addBucketsCommand} from './buckets/command.ts';
import {addPlanCommand} from './capacity/command.ts';
import {addConsensusCommands} from './consensus-commands.ts';
import {addEnduranceCommand} from './endurance/command.ts';
import {type IngestOptions, runIngest} from './ingest.ts';
import {addMetaCommand} from './meta/command.ts';
import {addOperationCommands} from './operation-commands.ts';
import {parseIngestOptions} from './options.ts';
import {renderReport} from './report.ts';
import {describeFaults, EXIT_USAGE, endWithUsageCode} from './usage.ts';

const say = (text: string) => process.stderr.write(`${text}\n`);

endWithReader();

const program = new Command('npm run bench --')
  .description('run Flotilla and its competitors side by side on this machine')
  .showHelpAfterError('(--help shows how)')
  .addHelpText(
    'after',
    `
Examples (--help of a scenario has more):
  npm run bench -- ingest --hosts 100 --hours 24 --peers victoriametrics,influxdb
  npm run bench -- consensus --clients 64 --peers etcd --json
  npm run bench -- failover --fault kill --rounds 20 --peers etcd --json
  npm run bench -- groups --groups 10000 --json
  npm run bench -- steady --minutes 60 --json
  npm run bench -- move --rounds 20 --kills --json
  npm run bench -- drain --json
  npm run bench -- new-bucket --json
  npm run bench -- meta --sets 100000 --json
  npm run bench -- buckets --buckets 52 --series 100000 --json
  npm run bench -- backup --hosts 1000 --hours 56 --json
  npm run bench -- endurance --minutes 10 --json
  npm run bench -- plan --json
`,
  );

endWithUsageCode(program);

program
  .command('ingest')
  .description('write the rows of TSBS cpu-only and measure time, CPU, memory and disk')
  .option('--hosts <n>', 'series', '100')
  .option('--hours <n>', 'time range of the rows; may be a fraction', '24')
  .option('--interval <duration>', 'between two rows of a host', '10s')
  .option('--values <kind>', 'integer (as TSBS), float (every digit) or decimal (two)', 'integer')
  .option('--late <duration>', 'a tenth of the rows come so late, as 24h')
  .option('--seed <n>', 'the same seed makes the same rows', '1')
  .option('--nodes <list>', 'Flotilla with so many nodes: 1, 3 or 1,3; 0 leaves it out', '1')
  .option('--engine-threads <n>', 'of each Flotilla node (default: its own)')
  .option('--peers <list>', 'victoriametrics, influxdb', '')
  .option('--rounds <n>', 'the median of so many is given', '3')
  .option('--connections <n>', 'of the loader', '4')
  .option('--batch <rows>', 'rows in a body', '10000')
  .option('--log-seconds <n>', 'wait so long at most for the log that nobody needs to go', '60')
  .option('--gzip', 'send compressed bodies')
  .option('--cpu-prof <directory>', "a .cpuprofile of each thread of Flotilla's nodes goes there")
  .option('--json', 'print JSON on the last line')
  .addHelpText(
    'after',
    `
Examples:
  npm run bench -- ingest --hosts 100 --hours 24 --peers victoriametrics,influxdb
  npm run bench -- ingest --nodes 1,3 --hosts 4000 --hours 1 --values float --json
`,
  )
  .action(async (raw: unknown) => {
    process.exitCode = await ingest(raw);
  });

addConsensusCommands(program);
addMetaCommand(program);
addBucketsCommand(program);
addBackupCommand(program);
addEnduranceCommand(program);
addPlanCommand(program);
addOperationCommands(program);

/** Exit code 1 if a target failed; a competitor that is not installed is no failure. */
async function ingest(raw: unknown): Promise<number> {
  const parsed = parseIngestOptions(raw);
  if (!parsed.success) {
    say(describeFaults(parsed.error));
    return EXIT_USAGE;
  }
  const {json, ...options} = parsed.data;
  say(`${availableParallelism()} cores, Node ${process.versions.node}`);
  const report = await runIngest({...options, say} satisfies IngestOptions);
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : renderReport(report));
  return report.failed.length === 0 ? 0 : 1;
}

await program.parseAsync();
