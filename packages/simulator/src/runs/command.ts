// The command line of the simulator: one seed, fresh seeds for some time, or the corpus.

import {parseArgs} from 'node:util';
import type {Violation} from '../checks/laws.ts';
import {FAULTS, type FaultName} from '../faults/faults.ts';
import type {SimulationResult} from '../result.ts';
import type {SimulationOptions, Workload} from '../simulation.ts';
import type {Disks} from '../world/disks.ts';
import {readCorpus} from './corpus.ts';
import {explain, linesOf, replayOf} from './failing-seed.ts';
import {shapeOf} from './shape.ts';
import {simulate} from './simulate.ts';
import {Totals} from './totals.ts';

export const SIMULATOR_USAGE = `usage: npm run sim -- [--seed N] [--nodes 5] [--groups 20] [--steps 200000] [--workload hosts] [--disks D] [--json]
       npm run sim -- --minutes M [--seed FIRST] [--workload W] [--disks D]   fresh seeds, sizes drawn from each
       npm run sim -- --corpus                     the fixed seeds
  --workload W  hosts (raft and hosts under registers), or cluster (meta, reconciler, router and rows too)
  --disks D     plain, or durable (a record is written and synced in one call); drawn from the seed by default
  --stores N    of each node; drawn from the seed by default in cluster, in hosts one for each thread
  --threads N   engine threads of each process at most; drawn from the seed by default
  --stale S     yes or no: some reads in cluster may be stale; drawn from the seed by default
  --orders S    yes or no: people order more of cluster than moves and drops; drawn from the seed by default
  --series S    yes or no: a database of cluster takes few series, and people change how many; drawn from the seed by default
  --only a,b    these kinds of faults alone (none: no faults)
  --without a,b all that the seed draws but these
  --trace       print everything that happened
  --help        print this
  kinds: ${Object.keys(FAULTS).join(' ')}
`;

const OPTIONS = {
  seed: {type: 'string'},
  nodes: {type: 'string', default: '5'},
  groups: {type: 'string', default: '20'},
  steps: {type: 'string', default: '200000'},
  minutes: {type: 'string'},
  corpus: {type: 'boolean', default: false},
  json: {type: 'boolean', default: false},
  trace: {type: 'boolean', default: false},
  help: {type: 'boolean', short: 'h', default: false},
  workload: {type: 'string'},
  disks: {type: 'string'},
  stores: {type: 'string'},
  threads: {type: 'string'},
  stale: {type: 'string'},
  orders: {type: 'string'},
  series: {type: 'string'},
  only: {type: 'string'},
  without: {type: 'string'},
} as const;

const SEEDS_OF_DAYS = 1_000_000_000;
const VIOLATIONS_SHOWN = 5;
const PROGRESS_MS = 10_000;
const EXIT = {ok: 0, violated: 1, usage: 64};

export type Print = (text: string) => void;

export interface Printers {
  readonly out: Print;
  /** Progress and how to replay what failed, where `out` gets JSON; what is wrong with the arguments. */
  readonly err: Print;
}

/** Runs one command line; the number is the exit code. */
export async function runSimulatorCommand(
  args: readonly string[],
  {out, err}: Printers,
): Promise<number> {
  let values: Values;
  try {
    values = parse(args);
  } catch (error) {
    err(`${error instanceof Error ? error.message : String(error)}\n${SIMULATOR_USAGE}`);
    return EXIT.usage;
  }
  if (values.help) {
    out(SIMULATOR_USAGE);
    return EXIT.ok;
  }
  if (!values.json) return run(values, out, out);
  return run(values, out, err);
}

function run(values: Values, out: Print, tell: Print): Promise<number> {
  if (values.corpus) return runCorpus(values, out, tell);
  if (values.minutes !== undefined) return runFresh(values, values.minutes, out, tell);
  return runOne(values, out, tell);
}

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  const {values} = parseArgs({args: [...args], options: OPTIONS});
  const kinds = (list: string | undefined): FaultName[] | undefined => {
    const names = list?.split(',').filter((name) => name !== '' && name !== 'none');
    const unknown = names?.find((name) => !Object.hasOwn(FAULTS, name));
    if (unknown !== undefined) throw new Error(`no such kind of fault: ${unknown}`);
    return names as FaultName[] | undefined;
  };
  return {
    ...values,
    seed: values.seed === undefined ? undefined : whole('seed', values.seed),
    nodes: whole('nodes', values.nodes),
    groups: whole('groups', values.groups),
    steps: whole('steps', values.steps),
    minutes: values.minutes === undefined ? undefined : positive('minutes', values.minutes),
    workload: workloadOf(values.workload),
    disks: disksNamed(values.disks),
    stores: values.stores === undefined ? undefined : whole('stores', values.stores),
    threads: values.threads === undefined ? undefined : whole('threads', values.threads),
    stale: answer('stale', values.stale),
    orders: answer('orders', values.orders),
    series: answer('series', values.series),
    only: kinds(values.only),
    without: kinds(values.without),
  };
}

function workloadOf(name: string | undefined): Workload | undefined {
  if (name === undefined || name === 'hosts' || name === 'cluster') return name;
  throw new Error(`no such workload: ${name}`);
}

function disksNamed(name: string | undefined): Disks | undefined {
  if (name === undefined || name === 'plain' || name === 'durable') return name;
  throw new Error(`no such disks: ${name}`);
}

function answer(name: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text !== 'yes' && text !== 'no') throw new Error(`--${name} must be yes or no`);
  return text === 'yes';
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} must be a number above 0`);
  return value;
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0)
    throw new Error(`--${name} must be a whole number above 0`);
  return value;
}

async function runOne(values: Values, out: Print, tell: Print): Promise<number> {
  const {workload, nodes, groups, steps, only, without, trace} = values;
  const {disks, stores, threads, stale, orders, series} = values;
  const options: SimulationOptions = {
    ...{workload, seed: values.seed ?? freshSeed(), nodes, groups, steps, only, without},
    ...{disks, stores, threads, stale, orders, series},
  };
  const result = await simulate({...options, trace});
  for (const line of linesOf(result.trace, 0)) tell(`${line}\n`);
  out(values.json ? `${JSON.stringify(reportOf(result))}\n` : sentences(result));
  if (result.violations.length > 0) await printFailure(options, result, tell);
  return result.violations.length > 0 ? EXIT.violated : EXIT.ok;
}

async function runCorpus({json}: Values, out: Print, tell: Print): Promise<number> {
  const totals = new Totals();
  for (const {options, why} of readCorpus()) {
    const result = await simulate(options);
    totals.add(result);
    tell(`${result.violations.length === 0 ? 'ok' : 'VIOLATED'} ${lineOf(result)}  ${why}\n`);
    if (result.violations.length > 0) await printFailure(options, result, tell);
  }
  out(json ? `${JSON.stringify(totals)}\n` : totals.report());
  return totals.failed.length > 0 ? EXIT.violated : EXIT.ok;
}

async function runFresh(
  {workload, seed: first, json, disks, stores, threads, stale, orders, series}: Values,
  minutes: number,
  out: Print,
  tell: Print,
): Promise<number> {
  const totals = new Totals();
  const untilMs = performance.now() + minutes * 60_000;
  let toldMs = performance.now();
  const from = first ?? freshSeed();
  for (let seed = from; performance.now() < untilMs; seed++) {
    const options = {...shapeOf(seed, workload), disks, stores, threads, stale, orders, series};
    try {
      const result = await simulate(options);
      totals.add(result);
      if (result.violations.length > 0) await printFailure(options, result, tell);
    } catch (error) {
      // A bug, of the product or of the simulator: the other seeds may have more to tell.
      totals.failed.push(seed);
      tell(`seed ${seed} threw: ${error instanceof Error ? error.stack : String(error)}\n`);
      tell(`again: ${replayOf(options)}\n`);
    }
    if (performance.now() - toldMs < PROGRESS_MS) continue;
    toldMs = performance.now();
    tell(`${totals.line()}\n`);
  }
  out(json ? `${JSON.stringify(totals)}\n` : totals.report());
  return totals.failed.length > 0 ? EXIT.violated : EXIT.ok;
}

async function printFailure(
  options: SimulationOptions,
  result: SimulationResult,
  print: Print,
): Promise<void> {
  for (const violation of result.violations.slice(0, VIOLATIONS_SHOWN))
    print(`seed ${options.seed} ${broken(violation)}\n`);
  print(`again: ${replayOf(options)}\n`);
  const {replay, needs, violation, lines} = await explain(options, result);
  print(`needs: ${needs.length === 0 ? 'no faults' : needs.join(', ')}\nshortest: ${replay}\n`);
  print(`it ${broken(violation)}\nbefore that:\n`);
  for (const line of lines) print(`${line}\n`);
}

function broken({law, set, message, ms}: Violation): string {
  return `broke "${law}" at ${ms.toFixed(1)} ms, set ${set}: ${message}`;
}

function freshSeed(): number {
  return 1 + (Date.now() % SEEDS_OF_DAYS);
}

function reportOf(result: SimulationResult): object {
  const {seed, steps, simulatedSeconds, wallSeconds, elections, committed} = result;
  const {operations, faults, coverage, violations, hash, cpuSeconds} = result;
  return {
    seed,
    steps,
    simulatedSeconds: Number(simulatedSeconds.toFixed(3)),
    wallSeconds: Number(wallSeconds.toFixed(3)),
    cpuSeconds: Number(cpuSeconds.toFixed(3)),
    speed: Math.round(simulatedSeconds / wallSeconds),
    elections,
    committed,
    operations,
    faults,
    coverage,
    violations,
    trace: hash,
  };
}

function lineOf({
  seed,
  steps,
  simulatedSeconds,
  wallSeconds,
  elections,
  committed,
}: SimulationResult): string {
  return `seed ${seed}: ${steps} steps, ${simulatedSeconds.toFixed(0)} s in ${wallSeconds.toFixed(1)} s, ${elections} elections, ${committed} committed`;
}

function sentences(result: SimulationResult): string {
  const totals = new Totals();
  totals.add(result);
  return `${lineOf(result)}, trace ${result.hash}\n${totals.report()}`;
}
