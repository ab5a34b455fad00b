// What to say of a seed that broke a law: how to run it again, which kinds of faults it needs at least,
// and the last that happened to the set concerned before it broke.

import type {Violation} from '../checks/laws.ts';
import type {FaultName} from '../faults/faults.ts';
import type {TraceLine} from '../kernel/trace.ts';
import type {SimulationResult} from '../result.ts';
import type {SimulationOptions} from '../simulation.ts';
import {simulate} from './simulate.ts';

const LINES_SHOWN = 60;
/** Of looking for a smaller set of faults. */
const SEARCH_MS_MAX = 60_000;

export interface Explanation {
  readonly replay: string;
  /** Kinds of faults without which it does not fail. */
  readonly needs: readonly FaultName[];
  /** What breaks with these alone: the same law, maybe elsewhere. */
  readonly violation: Violation;
  readonly lines: readonly string[];
}

/** Tries one kind of fault after the other, and leaves out what is not needed. */
export async function explain(
  options: SimulationOptions,
  result: SimulationResult,
): Promise<Explanation> {
  const found = result.violations[0]!;
  const {law} = found;
  let needs = result.kinds;
  const untilMs = performance.now() + SEARCH_MS_MAX;
  for (const name of result.kinds) {
    if (performance.now() > untilMs) break;
    const fewer = needs.filter((kind) => kind !== name);
    const {violations} = await simulate({...options, only: fewer});
    if (violations.some((violation) => violation.law === law)) needs = fewer;
  }
  const last = await simulate({...options, only: needs, trace: true});
  const violation = last.violations.find((one) => one.law === law) ?? found;
  const before = last.trace.filter(({ms}) => ms <= violation.ms);
  return {
    replay: replayOf({...options, only: needs}),
    needs,
    violation,
    lines: linesOf(before, violation.set).slice(-LINES_SHOWN),
  };
}

export function replayOf(options: SimulationOptions): string {
  const {workload = 'hosts', seed, nodes, groups, steps, only} = options;
  const kinds = only === undefined ? '' : ` --only ${only.length === 0 ? 'none' : only.join(',')}`;
  const what = workload === 'hosts' ? '' : ` --workload ${workload}`;
  const size = `--seed ${seed} --nodes ${nodes} --groups ${groups} --steps ${steps}`;
  return `npm run sim --${what} ${size}${kinds}${drawnOtherwise(options)}`;
}

/** What a seed draws where nobody names it. */
function drawnOtherwise({
  disks,
  stores,
  threads,
  stale,
  orders,
  series,
}: SimulationOptions): string {
  const named = Object.entries({disks, stores, threads, stale, orders, series});
  const given = named.filter(([, value]) => value !== undefined);
  const words = given.map(([name, value]) =>
    typeof value === 'boolean' ? ` --${name} ${value ? 'yes' : 'no'}` : ` --${name} ${value}`,
  );
  return words.join('');
}

/** Of one set, and of all: 0 for everything. */
export function linesOf(trace: readonly TraceLine[], set: number): string[] {
  const concerned = trace.filter((line) => set === 0 || line.set === 0 || line.set === set);
  return concerned.map(({ms, node, set: of, text}) => {
    const where = node === 0 ? 'world' : `node ${node}`;
    return `${ms.toFixed(2).padStart(12)} ms  ${where}${of === 0 ? '' : ` set ${of}`}: ${text}`;
  });
}
