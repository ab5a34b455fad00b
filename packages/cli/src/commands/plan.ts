// `plan`: what a load needs, before there is a cluster. It asks nobody; docs/capacity.md has the arithmetic.

import type {Command} from 'commander';
import {z} from 'zod';
import {
  type CapacityQuestion,
  DAY_MS,
  MEASURED,
  PROGRAM,
  planCapacity,
  VALUE_KINDS,
} from '../capacity/capacity-model.ts';
import {renderPlan} from '../capacity/capacity-text.ts';
import {DurationMs} from '../capacity/duration.ts';
import {isColoured} from '../colour.ts';
import {type CommandContext, examples} from '../session.ts';
import {EXIT, UsageError, widthOf, writeOut} from '../terminal.ts';

/** `series_per_replica_set_max` of `shards_per_bucket_max`. */
const HOSTS_MAX = PROGRAM.seriesPerSetMax * PROGRAM.shardsMax;
/** `columns_per_table_max`. */
const FIELDS_MAX = 1_000;
/** `replicas_max`. */
const REPLICAS_MAX = 7;
const NODES_MAX = 1_000;
const BUCKET_MS = 7 * DAY_MS;
/** At nanoseconds, what the options of a database take. */
const BUCKET_MS_MAX = 90 * DAY_MS;

const Count = z.coerce.number().int().min(1);
const Options = z.object({
  hosts: Count.max(HOSTS_MAX),
  interval: DurationMs,
  fields: Count.max(FIELDS_MAX),
  values: z.enum(VALUE_KINDS).default('float'),
  retention: DurationMs,
  bucketDuration: DurationMs.default(BUCKET_MS),
  replicas: Count.max(REPLICAS_MAX).default(3),
  nodes: Count.max(NODES_MAX).optional(),
  rowsPerCpuSecond: z.coerce.number().min(1).default(MEASURED.rowsPerCpuSecond),
  json: z.boolean().default(false),
});

export function addPlanCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('plan')
    .requiredOption(
      '--hosts <n>',
      'number of series, each of which writes one row every --interval',
    )
    .requiredOption('--interval <duration>', 'time between two rows of a host, e.g. 10s')
    .requiredOption('--fields <n>', 'values per row')
    .option(
      '--values <kind>',
      'kind of values: integer, decimal (two digits) or float (every digit; the default)',
    )
    .requiredOption('--retention <duration>', 'how long rows are kept (the ttl), e.g. 30d')
    .option('--bucket-duration <duration>', 'time range of one bucket (default 7d)')
    .option('--replicas <n>', 'replicas of each row (default 3)')
    .option('--nodes <n>', 'nodes that share the replicas (default: as many as replicas)')
    .option(
      '--rows-per-cpu-second <n>',
      'speed of the machines: what `npm run bench -- ingest` measures there for one node ' +
        `(default ${MEASURED.rowsPerCpuSecond}, measured)`,
    )
    .option('--json', 'print JSON')
    .description('estimate what a load needs: cores, memory, disk and network of each node')
    .addHelpText(
      'after',
      examples([
        'plan --hosts 1000 --interval 10s --fields 10 --retention 30d',
        'plan --hosts 50000 --interval 10s --fields 40 --values decimal --retention 90d --nodes 5',
        'plan --hosts 100 --interval 1s --fields 3 --retention 1d --bucket-duration 6h --replicas 1 --json',
      ]),
    );
  context.plain(command, Options, async (terminal, options) => {
    const question = questionOf(options);
    const plan = planCapacity(question);
    const style = {width: widthOf(terminal.stdout), isColoured: isColoured(terminal)};
    const text = options.json
      ? `${JSON.stringify({question, ...plan}, null, 2)}\n`
      : renderPlan(question, plan, style);
    await writeOut(terminal.stdout, text);
    return EXIT.ok;
  });
}

function questionOf(options: z.infer<typeof Options>): CapacityQuestion {
  const {interval, retention, bucketDuration, replicas, nodes = replicas} = options;
  if (nodes < replicas)
    throw new UsageError(
      `--nodes: ${replicas} replicas need as many nodes: give --nodes ${replicas} or more, or --replicas ${nodes}`,
    );
  if (bucketDuration > BUCKET_MS_MAX)
    throw new UsageError('--bucket-duration: a bucket spans at most 90d');
  if (interval > bucketDuration)
    throw new UsageError(
      '--interval: longer than --bucket-duration: buckets would hold less than a row of each host',
    );
  if (retention / bucketDuration > PROGRAM.bucketsMax)
    throw new UsageError(
      `--retention: more than ${PROGRAM.bucketsMax} buckets: give a longer --bucket-duration`,
    );
  const {hosts, fields, values, rowsPerCpuSecond} = options;
  return {
    ...{hosts, fields, values, replicas, nodes, rowsPerCpuSecond},
    intervalMs: interval,
    retentionMs: retention,
    bucketMs: bucketDuration,
  };
}
