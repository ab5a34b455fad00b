// One mutation (or none) against the tests, from the cheapest to the dearest: scenarios and seeds of
// the core, chaos of the hosts, seeds of the whole cluster, then the suites that the mutation names.
// Each runs in a process of its own, since a mutation may do anything, and never ending counts as caught.

import {type ChildProcess, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {type Mutation, ROOT} from './mutation.ts';

export interface Finding {
  /** Undefined: nothing failed. */
  readonly caughtBy: string | undefined;
  /** Seeds 1 to this one were run; undefined where no seeds are. */
  readonly seeds: number | undefined;
  readonly detail: string;
}

export interface Probe {
  readonly caughtBy: string | undefined;
  readonly seedsNeeded: number | undefined;
  /** The same of the core's simulation alone, although a scenario was first; undefined: not within the seeds. */
  readonly simulationSeeds: number | undefined;
  readonly detail: string;
  readonly seconds: number;
}

export interface Seeds {
  readonly simulation: number;
  readonly chaos: number;
  readonly simulator: number;
}

const HERE = path.relative(ROOT, import.meta.dirname);
const CLEAN: Finding = {caughtBy: undefined, seeds: undefined, detail: ''};
/** Some ten times what the longest of them takes without a mutation. */
const STAGE_MS_MAX = 120_000;

interface Ended {
  readonly code: number | undefined;
  readonly output: string;
}

/** A mutation may never end by itself: its process goes with this one. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

/** A process that does not end in time has code undefined. */
function run(args: readonly string[], mutation: Mutation | undefined, env = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: {...process.env, ...env, FLOTILLA_MUTATION: mutation?.id ?? ''},
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, STAGE_MS_MAX);
    child.on('close', (code) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({code: isLate ? undefined : (code ?? 1), output});
    });
  });
}

/** One of the plain runners beside this file; it prints a finding as its last line. */
async function runPlain(
  runner: 'core-run' | 'cluster-run',
  args: readonly string[],
  mutation: Mutation | undefined,
): Promise<Finding> {
  const hook = ['--import', `./${HERE}/load-hook.ts`];
  const {code, output} = await run([...hook, `${HERE}/${runner}.ts`, ...args], mutation);
  const last = output.trim().split('\n').at(-1) ?? '';
  if (code === 0) return {...CLEAN, ...(JSON.parse(last) as Partial<Finding>)};
  const detail = code === undefined ? 'does not end' : last;
  return {caughtBy: `${runner} ${args.join(' ')}`, seeds: undefined, detail};
}

const runScenarios = (mutation: Mutation | undefined) =>
  runPlain('core-run', ['scenarios'], mutation);
const runSimulation = (mutation: Mutation | undefined, seeds: number) =>
  runPlain('core-run', ['seeds', String(seeds)], mutation);
export const runSimulator = (mutation: Mutation | undefined, seeds: number) =>
  runPlain('cluster-run', ['hosts', String(seeds)], mutation);
function runCluster(
  mutation: Mutation | undefined,
  seeds: number,
  isOfFewSeries = mutation?.isOfFewSeries === true,
): Promise<Finding> {
  const more = isOfFewSeries ? ['few-series'] : [];
  return runPlain('cluster-run', ['cluster', String(seeds), ...more], mutation);
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Test files under vitest; the first failure is what caught it. */
async function runSuites(
  files: readonly string[],
  mutation: Mutation | undefined,
  env = {},
): Promise<Finding> {
  const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-mutation-'));
  const report = path.join(directory, 'report.json');
  try {
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...files];
    const config = ['--config', `${HERE}/vitest.config.ts`];
    const reporter = ['--reporter=json', `--outputFile=${report}`];
    const {code, output} = await run([...vitest, ...config, ...reporter], mutation, env);
    if (code === 0) return CLEAN;
    const [first] = files;
    if (code === undefined) return {caughtBy: first, seeds: undefined, detail: 'does not end'};
    const whole = output.trim().split('\n').slice(-3).join(' ');
    if (!existsSync(report)) return {caughtBy: first, seeds: undefined, detail: whole};
    return failureIn(JSON.parse(readFileSync(report, 'utf8')) as Report, first!, whole);
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

function failureIn({testResults}: Report, first: string, whole: string): Finding {
  for (const {name, message, assertionResults} of testResults) {
    const failed = assertionResults.find(({status}) => status === 'failed');
    const file = path.relative(ROOT, name);
    if (failed !== undefined) {
      const [, seed] = /SEED=(\d+)/.exec(failed.title) ?? [];
      const detail = (failed.failureMessages[0] ?? '').split('\n')[0]!;
      const caughtBy = seed === undefined ? `${file}: ${failed.title}` : file;
      return {caughtBy, seeds: seed === undefined ? undefined : Number(seed), detail};
    }
    if (assertionResults.length === 0 && message)
      return {caughtBy: file, seeds: undefined, detail: message.split('\n')[0]!};
  }
  return {caughtBy: first, seeds: undefined, detail: whole};
}

const CHAOS = [
  'packages/multiraft/src/host/chaos.test.ts',
  'packages/multiraft/src/host/chaos-members.test.ts',
];

/** The layers whose code each stage loads: elsewhere a mutation cannot show. */
const CORE = /^packages\/(base|raft)\//;
const HOST = /^packages\/(base|raft|wire|multiraft)\//;
const CLUSTER = /^packages\/(base|raft|wire|multiraft|catalog|replica|router)\//;

function runChaos(mutation: Mutation | undefined, seeds: number): Promise<Finding> {
  return runSuites(CHAOS, mutation, {CHAOS_SEEDS: String(seeds)});
}

/** Runs the stages until one fails; the core's simulation in any case, as its seeds are worth knowing. */
export async function probe(mutation: Mutation, seeds: Seeds): Promise<Probe> {
  const startMs = Date.now();
  const {file, suites, clusterSeeds} = mutation;
  const findings: Finding[] = [];
  let simulationSeeds: number | undefined;
  if (CORE.test(file)) {
    findings.push(await runScenarios(mutation));
    const simulated = await runSimulation(mutation, seeds.simulation);
    findings.push(simulated);
    if (simulated.caughtBy !== undefined) simulationSeeds = simulated.seeds;
  }
  const isOpen = () => findings.every(({caughtBy}) => caughtBy === undefined);
  if (HOST.test(file) && isOpen()) findings.push(await runChaos(mutation, seeds.chaos));
  if (CLUSTER.test(file) && isOpen()) findings.push(await runSimulator(mutation, seeds.simulator));
  if (clusterSeeds !== undefined && isOpen())
    findings.push(await runCluster(mutation, clusterSeeds));
  if (suites !== undefined && isOpen()) findings.push(await runSuites(suites, mutation));
  const found = findings.find(({caughtBy}) => caughtBy !== undefined) ?? CLEAN;
  return {
    caughtBy: found.caughtBy,
    seedsNeeded: found.seeds,
    simulationSeeds,
    detail: found.detail,
    seconds: Math.round((Date.now() - startMs) / 100) / 10,
  };
}

/** Without any mutation everything must be green, or nothing would be proved. Throws otherwise. */
export async function probeNothing(
  suites: readonly string[],
  {clusterSeeds, fewSeriesSeeds}: {readonly clusterSeeds: number; readonly fewSeriesSeeds: number},
  seeds: Seeds,
): Promise<void> {
  const findings = [
    await runScenarios(undefined),
    await runSimulation(undefined, seeds.simulation),
    await runChaos(undefined, seeds.chaos),
    await runSimulator(undefined, seeds.simulator),
    ...(clusterSeeds === 0 ? [] : [await runCluster(undefined, clusterSeeds)]),
    ...(fewSeriesSeeds === 0 ? [] : [await runCluster(undefined, fewSeriesSeeds, true)]),
    ...(suites.length === 0 ? [] : [await runSuites(suites, undefined)]),
  ];
  const failed = findings.find(({caughtBy}) => caughtBy !== undefined);
  if (failed !== undefined)
    throw new Error(`without any mutation, ${failed.caughtBy} fails: ${failed.detail}`);
}
