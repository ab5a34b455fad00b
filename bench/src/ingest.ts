// The scenario "ingest": the same rows into each target, in turn, for a number of rounds.

import {mkdir, rm} from 'node:fs/promises';
import path from 'node:path';
import {type BodyFile, makeBodyFile} from './body-file.ts';
import {diskBytesOf} from './disk.ts';
import {load} from './loader.ts';
import {median} from './median.ts';
import {ProcessUsage} from './process-usage.ts';
import {waitUntilQuiet} from './quiet.ts';
import {type DiskReport, withBenchDirectory} from './scenario.ts';
import type {Target, TimeRange} from './targets/target.ts';
import {type RowsParameters, rowCountOf, tickCountOf, type ValueKind} from './tsbs-rows.ts';

const MEMORY_SAMPLE_MS = 250;

export interface IngestOptions {
  readonly rows: RowsParameters;
  readonly batchRows: number;
  readonly connections: number;
  readonly gzip: boolean;
  readonly rounds: number;
  readonly targets: readonly Target[];
  /** Shorter than a second only in tests. */
  readonly quietWindowMs?: number | undefined;
  /** Lines about what goes on, for a person. */
  say(text: string): void;
}

/** Medians over the rounds. */
export interface IngestResult {
  readonly target: string;
  readonly nodes: number;
  readonly rows: number;
  readonly values: ValueKind;
  /** First byte sent to last acknowledgement. */
  readonly seconds: number;
  readonly rowsPerSecond: number;
  /** All server processes, until they were quiet, forced flush and compaction included. */
  readonly cpuSeconds: number;
  readonly rowsPerCpuSecond: number;
  /** The part of `cpuSeconds` used up to the last acknowledgement. */
  readonly ackCpuSeconds: number;
  readonly peakRssBytes: number;
  /** After flush and compaction, and once the log has gone that nobody needs; all nodes together. */
  readonly diskBytes: number;
}

export interface Failure {
  readonly target: string;
  readonly nodes: number;
  readonly reason: string;
}

export interface IngestReport extends DiskReport {
  readonly scenario: 'ingest';
  readonly results: readonly IngestResult[];
  readonly skipped: readonly Failure[];
  readonly failed: readonly Failure[];
}

/** One run of one target. */
export interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly ackCpuSeconds: number;
  readonly peakRssBytes: number;
  readonly diskBytes: number;
}

export function runIngest(options: IngestOptions): Promise<IngestReport> {
  return withBenchDirectory(async (directory) => {
    const {rows, batchRows, gzip} = options;
    await using file = await makeBodyFile({directory, rows, batchRows, gzip});
    const size = (file.bytes / 1e6).toFixed(1);
    options.say(`${rowCountOf(rows)} rows in ${file.bodies.length} bodies, ${size} MB`);
    return {scenario: 'ingest', ...(await runRounds(options, {directory, file}))};
  });
}

async function runRounds(
  options: IngestOptions,
  place: {directory: string; file: BodyFile},
): Promise<Pick<IngestReport, 'results' | 'skipped' | 'failed'>> {
  const skipped: Failure[] = [];
  const failed: Failure[] = [];
  const runs = new Map<Target, Run[]>();
  for (const target of options.targets) {
    const reason = target.missing();
    if (reason === undefined) runs.set(target, []);
    else skipped.push({target: target.name, nodes: target.nodes, reason});
  }
  for (const {target, reason} of skipped) options.say(`skipped ${target}: ${reason}`);
  for (let round = 1; round <= options.rounds; round++) {
    // Alternately, so that whatever else the machine does meets all targets alike.
    for (const [target, done] of runs) {
      try {
        const run = await runOnce(options, {...place, target});
        done.push(run);
        options.say(`round ${round}, ${describeRun(target, run, rowCountOf(options.rows))}`);
      } catch (error) {
        const reason = (error as Error).message;
        options.say(`round ${round}, ${target.name} failed: ${reason}`);
        failed.push({target: target.name, nodes: target.nodes, reason});
        runs.delete(target); // A median over the runs that happened to work would say too much.
      }
    }
  }
  const results = [...runs].map(([target, done]) => summarize(target, done, options.rows));
  return {results, skipped, failed};
}

async function runOnce(
  options: IngestOptions,
  place: {directory: string; file: BodyFile; target: Target},
): Promise<Run> {
  const directory = path.join(place.directory, `${place.target.name}-${place.target.nodes}`);
  await mkdir(directory);
  try {
    const running = await place.target.start(directory);
    try {
      const usage = new ProcessUsage(running.pids);
      const isQuiet = await waitUntilQuiet(() => usage.cpuSeconds(), options.quietWindowMs);
      if (!isQuiet) options.say(`${place.target.name} is not quiet a minute after its start`);
      return await measure(options, {...place, running});
    } finally {
      await running.stop();
    }
  } finally {
    await rm(directory, {recursive: true, force: true});
  }
}

async function measure(
  options: IngestOptions,
  place: {file: BodyFile; running: Awaited<ReturnType<Target['start']>>},
): Promise<Run> {
  const {file, running} = place;
  const {connections, say} = options;
  const usage = new ProcessUsage(running.pids);
  const sampler = setInterval(() => usage.sample(), MEMORY_SAMPLE_MS);
  try {
    // What it took to start is not counted: it is the same for one row and for a billion.
    const idleCpuSeconds = usage.cpuSeconds();
    const {writeUrls: urls, laterStatuses} = running;
    const {seconds, repeats} = await load(file, {urls, connections, laterStatuses});
    const ackCpuSeconds = usage.cpuSeconds() - idleCpuSeconds;
    if (repeats > 0) say(`${repeats} bodies were put off and sent again`);
    await running.settle();
    const isQuiet = await waitUntilQuiet(() => usage.cpuSeconds(), options.quietWindowMs);
    if (!isQuiet) say('not quiet after a minute: its CPU and disk are as of now');
    const cpuSeconds = usage.cpuSeconds() - idleCpuSeconds;
    const peakRssBytes = usage.peakRssBytes();
    await running.forgetLog?.();
    const sizes = await Promise.all(running.directories.map(diskBytesOf));
    const diskBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
    await checkRows(running, options.rows);
    return {seconds, cpuSeconds, ackCpuSeconds, peakRssBytes, diskBytes};
  } finally {
    clearInterval(sampler);
  }
}

async function checkRows(
  running: {countRows(range: TimeRange): Promise<number>},
  rows: RowsParameters,
): Promise<void> {
  const endMs = rows.startMs + tickCountOf(rows) * rows.intervalMs;
  const startMs = rows.startMs - (rows.lateMs ?? 0);
  const counted = await running.countRows({startMs, endMs});
  const wanted = rowCountOf(rows);
  if (counted !== wanted) throw new Error(`${wanted} rows were acknowledged, ${counted} are there`);
}

export function summarize(
  target: Pick<Target, 'name' | 'nodes'>,
  runs: readonly Run[],
  parameters: RowsParameters,
): IngestResult {
  const rows = rowCountOf(parameters);
  const medianOf = (key: keyof Run) => median(runs.map((run) => run[key]));
  const seconds = medianOf('seconds');
  const cpuSeconds = medianOf('cpuSeconds');
  return {
    target: target.name,
    nodes: target.nodes,
    rows,
    values: parameters.values,
    seconds,
    rowsPerSecond: Math.round(rows / seconds),
    cpuSeconds,
    rowsPerCpuSecond: Math.round(rows / cpuSeconds),
    ackCpuSeconds: medianOf('ackCpuSeconds'),
    peakRssBytes: Math.round(medianOf('peakRssBytes')),
    diskBytes: Math.round(medianOf('diskBytes')),
  };
}

function describeRun({name, nodes}: Target, run: Run, rows: number): string {
  const perSecond = Math.round(rows / run.seconds);
  const cpu = `${run.cpuSeconds.toFixed(2)} s of CPU`;
  return `${name} x ${nodes}: ${run.seconds.toFixed(2)} s, ${perSecond} rows/s, ${cpu}`;
}
