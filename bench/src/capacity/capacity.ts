// The scenario "plan": rows of several shapes are written, and what they cost is held against what `flotilla plan`
// says of them. CPU is told by the first shape of the same run, so the check holds on any machine; bytes need
// no such thing.

import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {z} from 'zod';
import {MAIN} from '../clusters/flotilla-cluster.ts';
import {type DiskReport, withBenchDirectory} from '../scenario.ts';
import {FIELDS, type RowsParameters, rowCountOf, START_MS, type ValueKind} from '../tsbs-rows.ts';
import {type Constants, constantsOf} from './constants.ts';
import {measureSet, PORTIONS, type RowSet, type SetCosts} from './measured-set.ts';

/** How far a plan may be off. */
const TOLERANCE = 0.25;
/** Rows lie in memory for so long: as if each portion of a set came within it. */
const IN_MEMORY_MS = 600_000;
const HOUR_MS = 3_600_000;
/** Of a figure: what differs beyond them says nothing. */
const DIGITS = 3;

/** The one that tells how fast the machine is. */
const REFERENCE = 'integers';
export const SETS: readonly RowSet[] = [
  setOf(REFERENCE, {values: 'integer'}),
  setOf('decimals', {values: 'decimal'}),
  setOf('floats', {values: 'float'}),
  setOf('narrow', {fields: 1}),
  setOf('wide', {values: 'decimal', fields: 50, hours: 6}),
  setOf('slow', {hosts: 600, intervalMs: 60_000}),
  setOf('short', {hosts: 20_000, hours: 1 / 6}),
  {...setOf('replicated', {values: 'decimal'}), nodes: 3},
];
export const SET_NAMES = SETS.map(({name}) => name);

function setOf(name: string, rows: Partial<RowsParameters>): RowSet {
  const values: ValueKind = 'integer';
  const day = {hosts: 100, hours: 24, intervalMs: 10_000, values, seed: 1, startMs: START_MS};
  return {name, nodes: 1, rows: {...day, ...rows}};
}

export interface PlanOptions {
  /** Names of those to measure; the first of all is measured in any case. */
  readonly sets: readonly string[];
  /** Of the rows of each, instead of its own. */
  readonly hours?: number | undefined;
  say(text: string): void;
}

export interface PlanResult {
  readonly set: string;
  readonly rows: number;
  readonly figure: string;
  readonly planned: number;
  readonly measured: number;
  /** Planned by measured. */
  readonly ratio: number;
  readonly isWithin: boolean;
}

export interface PlanReport extends DiskReport {
  readonly scenario: 'plan';
  readonly rowsPerCpuSecond: number;
  /** What the model's should be by this run; only where all sets were measured whole. */
  readonly constants: Constants | undefined;
  readonly results: readonly PlanResult[];
}

export function runPlan({sets, hours, say}: PlanOptions): Promise<PlanReport> {
  return withBenchDirectory(async (directory) => {
    const results: PlanResult[] = [];
    const costs = new Map<string, SetCosts>();
    let rowsPerCpuSecond = 0;
    for (const shape of SETS) {
      const isReference = shape.name === REFERENCE;
      if (!isReference && !sets.includes(shape.name)) continue;
      const set = {...shape, rows: {...shape.rows, hours: hours ?? shape.rows.hours}};
      const measured = await measureSet(set, {directory, say});
      costs.set(set.name, measured);
      if (isReference) rowsPerCpuSecond = Math.round(1e6 / measured.cpuMicrosPerRow);
      const found = compare(set, await planOf(set, rowsPerCpuSecond), measured);
      say(`${set.name}: ${JSON.stringify(measured)}`);
      for (const {figure, ratio, isWithin} of found)
        say(`  ${figure}: planned ${ratio} of it${isWithin ? '' : ', which is too far off'}`);
      results.push(...found);
    }
    const isWhole = hours === undefined && SETS.every(({name}) => costs.has(name));
    const constants = isWhole ? constantsOf(costs) : undefined;
    return {scenario: 'plan', rowsPerCpuSecond, constants, results};
  });
}

/** The figures of a set that are held against each other. */
export type Figures = Pick<
  SetCosts,
  'cpuMicrosPerRow' | 'logBytesPerRow' | 'partBytesPerRow' | 'keyBytesPerHost' | 'memoryBytes'
>;

export function compare(set: RowSet, planned: Figures, measured: Figures): PlanResult[] {
  return (Object.keys(planned) as (keyof Figures)[]).map((figure) => {
    const ratio = planned[figure] / measured[figure];
    return {
      ...{set: set.name, rows: rowCountOf(set.rows), figure},
      planned: round(planned[figure]),
      measured: round(measured[figure]),
      ratio: round(ratio),
      isWithin: ratio >= 1 - TOLERANCE && ratio <= 1 + TOLERANCE,
    };
  });
}

function round(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

/** By the command that people type. */
export async function planOf(set: RowSet, rowsPerCpuSecond: number): Promise<Figures> {
  const {hosts, intervalMs} = set.rows;
  const {row, buckets, node} = await runCommand(set, {rowsPerCpuSecond, intervalMs});
  const inMemoryMs = (hosts * IN_MEMORY_MS * PORTIONS) / rowCountOf(set.rows);
  const dense = await runCommand(set, {rowsPerCpuSecond, intervalMs: inMemoryMs});
  return {
    cpuMicrosPerRow: row.cpuMicros,
    logBytesPerRow: row.logBytes,
    partBytesPerRow: row.partBytes,
    keyBytesPerHost: node.diskBytes.keys / buckets / hosts,
    memoryBytes: dense.node.memoryBytes.used,
  };
}

const Plan = z.object({
  row: z.object({cpuMicros: z.number(), logBytes: z.number(), partBytes: z.number()}),
  buckets: z.number(),
  node: z.object({
    memoryBytes: z.object({used: z.number()}),
    diskBytes: z.object({keys: z.number()}),
  }),
});

async function runCommand(
  {nodes, rows}: RowSet,
  {rowsPerCpuSecond, intervalMs}: {readonly rowsPerCpuSecond: number; readonly intervalMs: number},
): Promise<z.infer<typeof Plan>> {
  const {hosts, hours, fields = FIELDS.length, values} = rows;
  const span = `${hours * HOUR_MS}ms`;
  const words = Object.entries({
    ...{hosts, interval: `${intervalMs}ms`, fields, values},
    ...{retention: span, 'bucket-duration': span, replicas: nodes},
    'rows-per-cpu-second': rowsPerCpuSecond,
  }).map(([name, value]) => `--${name}=${value}`);
  const {stdout} = await promisify(execFile)(process.execPath, [MAIN, 'plan', ...words, '--json']);
  return Plan.parse(JSON.parse(stdout));
}
